// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: the database that postern hosts compile makes of aliases has the
// effect of its text. Each recipient expands to the same mailboxes or to an
// error of the same kind, and CheckTargets() finds mistakes in both or in none.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"
#include "files/cdb.h"
#include "fuzz/memory_file.h"
#include "gtest/gtest.h"
#include "policy/control/alias_list.h"
#include "policy/control/control_file.h"
#include "policy/control/host_list.h"

namespace postern::policy {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const bool all = input.ConsumeBool();
  const char first = input.ConsumeIntegral<char>();
  const MemoryFile file(input.ConsumeRemainingBytesAsString());
  std::vector<std::string> warnings;
  const auto lines = ReadControlList(file.path(), &warnings)->value();
  const HostList hosts(LineSet("hosts", {{"x", 1}, {"y.example", 2}}),
                       std::nullopt);
  const AliasList::Options options = {.separators = "+-", .domain = "me"};
  const auto text = AliasList::Make(file.path(), lines, std::nullopt, hosts,
                                    options, &warnings);
  if (!text.ok()) return 0;
  MemoryFile records;
  records.WriteCdb(text->Records());
  std::optional<files::Cdb> cdb;
  cdb.emplace(*files::Cdb::Open(records.path()));
  const auto database = AliasList::Make(file.path(), {}, std::move(cdb), hosts,
                                        options, &warnings);
  EXPECT_TRUE(database.ok()) << database.status();
  if (!database.ok()) return 0;
  const auto has_mailbox = [&](const Path& path) -> absl::StatusOr<bool> {
    return all || path.local_part.front() == first;
  };
  EXPECT_EQ(text->CheckTargets(hosts, has_mailbox).empty(),
            database->CheckTargets(hosts, has_mailbox).empty());
  for (const Line& line : lines) {
    for (absl::string_view word :
         absl::StrSplit(line.text, absl::ByAnyChar(":, \t"))) {
      const auto parsed = ParsePath(word, Utf8::kYes);
      if (!parsed || parsed->path.local_part.empty()) continue;
      for (const char* domain : {"", "x", "y.example", "me"}) {
        const Path recipient{parsed->path.local_part, domain};
        const auto want = text->Expand(recipient, hosts, has_mailbox);
        const auto found = database->Expand(recipient, hosts, has_mailbox);
        EXPECT_EQ(found.status().code(), want.status().code());
        if (want.ok() && found.ok()) {
          EXPECT_EQ(*found, *want);
        }
      }
    }
  }
  return 0;
}

}  // namespace postern::policy
