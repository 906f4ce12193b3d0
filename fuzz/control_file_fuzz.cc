// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a list has the lines that a walk over the file finds, each entry
// where it stands; it is the same with and without a newline at its end, and
// when its entries are written back; it warns of carriage returns and leading
// blanks, and of nothing else. The value and the number are the first line's.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "fuzz/memory_file.h"
#include "gtest/gtest.h"
#include "policy/control/control_file.h"

namespace postern::policy {
namespace {

std::string Trim(std::string line) {
  line.resize(line.find_last_not_of(" \t") + 1);
  return line;
}

// Returns the entries in `content`, each behind "NUMBER:".
std::vector<std::string> List(const std::string& content,
                              std::vector<std::string>* warnings) {
  const MemoryFile file(content);
  const auto lines = ReadControlList(file.path(), warnings);
  std::vector<std::string> entries;
  for (const Line& l : **lines) {
    entries.push_back(absl::StrCat(l.number, ":", l.text));
  }
  return entries;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string content(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> lines = absl::StrSplit(content, '\n');
  std::vector<std::string> want;
  std::string written;
  bool cr = false, blank = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    lines[i] = Trim(lines[i]);
    if (lines[i].empty() || lines[i][0] == '#') lines[i] = "";
    absl::StrAppend(&written, lines[i], "\n");
    if (lines[i].empty()) continue;
    want.push_back(absl::StrCat(i + 1, ":", lines[i]));
    cr = cr || lines[i].back() == '\r';
    blank = blank || lines[i][0] == ' ' || lines[i][0] == '\t';
  }
  std::vector<std::string> warnings;
  EXPECT_EQ(List(content, &warnings), want);
  EXPECT_EQ(warnings.size(), static_cast<size_t>(cr + blank));
  EXPECT_EQ(List(content + "\n", &warnings), want);
  EXPECT_EQ(List(written, &warnings), want);
  for (const std::string& warning : warnings) {
    EXPECT_TRUE((cr && absl::StrContains(warning, "carriage return")) ||
                (blank && absl::StrContains(warning, "a space")));
  }
  const MemoryFile file(content);
  const std::string value = Trim(content.substr(0, content.find('\n')));
  EXPECT_EQ(ReadControlValue(file.path(), &warnings)->value(), value);
  const auto digits = value.substr(0, value.find_first_not_of("0123456789"));
  // SimpleAtoi() makes the largest number of one too large.
  uint64_t number = 77;
  if (!digits.empty()) (void)absl::SimpleAtoi(digits, &number);
  warnings.clear();
  EXPECT_EQ(*ReadControlNumber(file.path(), 77, &warnings), number);
  EXPECT_EQ(warnings.size(), digits.empty() || digits != value ? 1u : 0u);
  return 0;
}

}  // namespace postern::policy
