// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: with a file that is accepted, the expansion of every recipient ends
// within the limits, leads only to local mailboxes that exist, and fails only
// because a mailbox is missing, about which CheckTargets() warns.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/path.h"
#include "fuzz/memory_file.h"
#include "gtest/gtest.h"
#include "policy/control/alias_list.h"
#include "policy/control/control_file.h"
#include "policy/control/host_list.h"

namespace postern::policy {
namespace {

constexpr absl::string_view kLocal[] = {"", "x", "y.example", "me"};

bool IsLocal(const Path& path) {
  for (absl::string_view each : kLocal) {
    if (EqualDomains(path.domain, each)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const bool all = input.ConsumeBool();
  const char first = input.ConsumeIntegral<char>();
  const MemoryFile file(input.ConsumeRemainingBytesAsString());
  std::vector<std::string> warnings;
  const auto lines = ReadControlList(file.path(), &warnings)->value();
  const HostList hosts(LineSet("hosts", {{"x", 1}, {"y.example", 2}}),
                       std::nullopt);
  const auto list =
      AliasList::Make(file.path(), lines, std::nullopt, hosts,
                      {.separators = "+-", .domain = "me"}, &warnings);
  if (!list.ok()) return 0;
  const auto has_mailbox = [&](const Path& path) -> absl::StatusOr<bool> {
    EXPECT_TRUE(IsLocal(path)) << path.Address();
    return all || path.local_part.front() == first;
  };
  const bool complete = list->CheckTargets(hosts, has_mailbox).empty();
  for (const Line& line : lines) {
    for (absl::string_view text :
         absl::StrSplit(line.text, absl::ByAnyChar(":, \t"))) {
      const auto parsed = ParsePath(text, Utf8::kYes);
      if (!parsed || parsed->path.local_part.empty()) continue;
      for (absl::string_view domain : kLocal) {
        const Path recipient{parsed->path.local_part, std::string(domain)};
        const auto expanded = list->Expand(recipient, hosts, has_mailbox);
        if (!expanded.ok()) {
          EXPECT_FALSE(complete || all) << expanded.status();
          EXPECT_TRUE(
              absl::StrContains(expanded.status().message(), "has no mailbox"));
          continue;
        }
        EXPECT_LE(expanded->size(), kMaxExpansion);
        for (const Path& each : *expanded) EXPECT_TRUE(*has_mailbox(each));
      }
    }
  }
  return 0;
}

}  // namespace postern::policy
