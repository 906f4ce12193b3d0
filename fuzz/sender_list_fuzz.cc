// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: for any lines, the senders that a user may use are those that a
// simple walk over the lines finds, and those that a database of the same users
// gives.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/path.h"
#include "files/cdb.h"
#include "fuzz/memory_file.h"
#include "gtest/gtest.h"
#include "policy/control/control_file.h"
#include "policy/control/sender_list.h"

namespace postern::policy {
namespace {

// Returns the text that equal addresses have in common.
std::string Fold(const std::string& address) {
  const size_t at = address.rfind('@');
  if (at == std::string::npos) return address;
  return address.substr(0, at + 1) + AsciiDomain(address.substr(at + 1));
}

bool Lists(const std::string& addresses, const Path& sender) {
  const std::string all = absl::StrCat("@", sender.domain);
  const std::vector<std::string> entries =
      absl::StrSplit(addresses, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  for (const std::string& each : entries) {
    if (Fold(each) == Fold(sender.Address())) return true;
    if (!sender.domain.empty() && Fold(each) == Fold(all)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const auto parsed = ParsePath(input.ConsumeRandomLengthString(60));
  const Path sender = parsed ? parsed->path : Path{"s", "x"};
  std::vector<std::string> users = {input.ConsumeRandomLengthString(20)};
  const MemoryFile file(input.ConsumeRemainingBytesAsString());
  std::vector<std::string> ignored;
  const auto lines = ReadControlList(file.path(), &ignored)->value();
  std::map<std::string, std::string> listed;
  for (const Line& line : lines) {
    const size_t colon = line.text.find(':');
    if (colon == 0 || colon == std::string::npos) continue;
    users.push_back(line.text.substr(0, colon));
    absl::StrAppend(&listed[users.back()], " ", line.text.substr(colon + 1));
  }
  MemoryFile database;
  database.WriteCdb({listed.begin(), listed.end()});
  std::optional<files::Cdb> more;
  more.emplace(*files::Cdb::Open(database.path()));
  const SenderList of_lines(lines, std::nullopt);
  const SenderList of_database({}, std::move(more));
  for (const std::string& user : users) {
    const bool own = user.find('@') != std::string::npos &&
                     Fold(user) == Fold(sender.Address());
    const bool want = sender.null() || own || Lists(listed[user], sender);
    EXPECT_EQ(*of_lines.Allows(user, sender), want);
    EXPECT_EQ(*of_database.Allows(user, sender), want);
  }
  return 0;
}

}  // namespace postern::policy
