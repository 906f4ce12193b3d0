// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/unique_names.h"

#include <limits.h>
#include <sys/random.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::delivery {
namespace {

constexpr size_t kMaxHost = 128;  // leaves the name well below NAME_MAX

std::string HostPart(absl::string_view host) {
  char own[HOST_NAME_MAX + 1] = "";
  if (host.empty()) {
    (void)gethostname(own, sizeof(own) - 1);  // on failure: "localhost"
    host = own;
  }
  if (host.empty()) host = "localhost";
  std::string part;
  for (const char c : host.substr(0, kMaxHost)) {
    if (c == '/') {
      part += "\\057";
    } else if (c == ':') {
      part += "\\072";
    } else {
      part.push_back(absl::ascii_isgraph(c) ? c : '_');
    }
  }
  return part;
}

}  // namespace

UniqueNames::UniqueNames(absl::string_view host,
                         std::function<absl::Time()> now,
                         std::function<uint64_t()> random)
    : host_(HostPart(host)), now_(std::move(now)), random_(std::move(random)) {}

std::string UniqueNames::Next() {
  const int64_t micros = absl::ToUnixMicros(now_());
  return absl::StrCat(micros / 1000000, ".M", micros % 1000000, "P", getpid(),
                      "Q", count_.fetch_add(1, std::memory_order_relaxed), "_",
                      absl::Hex(random_(), absl::kZeroPad16), ".", host_);
}

uint64_t SystemRandom() {
  uint64_t value = 0;
  return getrandom(&value, sizeof(value), 0) == sizeof(value) ? value : 0;
}

}  // namespace postern::delivery
