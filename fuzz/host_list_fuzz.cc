// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a list of hosts, with and without its index and database, finds what
// a simple walk over its lines finds: the longest match, and the first of equal
// ones.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/domain.h"
#include "fuzz/memory_file.h"
#include "gtest/gtest.h"
#include "policy/control/control_file.h"
#include "policy/control/host_list.h"

namespace postern::policy {
namespace {

// The element i is the line with the number i + 1. It is empty if it is no
// entry. `form` converts each entry.
std::vector<std::string> Entries(absl::string_view content,
                                 std::string (*form)(absl::string_view)) {
  std::vector<std::string> entries = absl::StrSplit(content, '\n');
  for (std::string& entry : entries) {
    entry.resize(entry.find_last_not_of(" \t") + 1);
    if (absl::StartsWith(entry, "#")) entry.clear();
    entry = form(entry);
  }
  return entries;
}

// Returns the index of the entry that matches `domain`, a result of
// AsciiDomain(), or -1.
int Match(const std::vector<std::string>& entries, absl::string_view domain) {
  int best = -1;
  for (int i = 0; i < std::ssize(entries); ++i) {
    const std::string& entry = entries[i];
    if (!absl::EndsWith(domain, entry)) continue;
    if (entry[0] != '.' && entry.size() < domain.size()) continue;
    if (entry.size() > (best < 0 ? 0 : entries[best].size())) best = i;
  }
  return best;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  std::vector<std::string> domains = {input.ConsumeRandomLengthString(40)};
  const auto more =
      Entries(input.ConsumeRandomLengthString(100),
              [](absl::string_view key) { return absl::AsciiStrToLower(key); });
  const std::string content = input.ConsumeRemainingBytesAsString();
  const auto entries = Entries(content, AsciiAddress);
  for (size_t i = 0; i < entries.size() && i < 60; ++i) {
    domains.insert(domains.end(),
                   {absl::AsciiStrToUpper(entries[i]), "a" + entries[i]});
  }
  const MemoryFile file(content);
  MemoryFile database;
  std::vector<std::string> ignored;
  MemoryFile::Records records;
  for (const std::string& key : more) records.emplace_back(key, "");
  database.WriteCdb(records);
  const HostList hosts(
      LineSet(file.path(), ReadControlList(file.path(), &ignored)->value()),
      *files::Cdb::Open(database.path()));
  for (const std::string& domain : domains) {
    std::string want;
    const std::string form = AsciiDomain(domain);
    if (const int i = Match(entries, form); i >= 0) {
      want = absl::StrCat(file.path(), ":", i + 1);
    } else if (const int i = Match(more, form); i >= 0) {
      want = absl::StrCat(database.path(), " key ", more[i]);
    }
    EXPECT_EQ(hosts.Find(domain)->value_or(HostList::Match()).source, want);
  }
  return 0;
}

}  // namespace postern::policy
