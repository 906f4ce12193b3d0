// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace postern::policy {
namespace {

// ::ffff:0:0/96
constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0,    0,
                                             0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<IpAddress> IpAddress::Parse(absl::string_view text) {
  // inet_pton() would read what stands before a NUL.
  if (text.find('\0') != absl::string_view::npos) return std::nullopt;
  const std::string name(text);
  std::array<uint8_t, 16> bytes;
  if (inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1) {
    return IpAddress(bytes);
  }
  std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  if (inet_pton(AF_INET, name.c_str(), bytes.data() + kMapped.size()) == 1) {
    return IpAddress(bytes);
  }
  return std::nullopt;
}

bool IpAddress::v4() const {
  return std::equal(kMapped.begin(), kMapped.end(), bytes_.begin());
}

}  // namespace postern::policy
