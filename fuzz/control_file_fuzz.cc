// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a list has the entries that a simple walk over the file finds, with
// the same line numbers. It is the same with and without a newline at its end,
// and after its entries were written back. It warns of carriage returns and
// leading spaces or tabs, and of nothing else. The value and the number come
// from the first line.

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

// Returns the entries in `content`, each as "NUMBER:TEXT".
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
                (blank && absl::StrContains(warning, "white space")));
  }
  const MemoryFile file(content);
  const std::string value = Trim(content.substr(0, content.find('\n')));
  EXPECT_EQ(ReadControlValue(file.path(), &warnings)->value(), value);
  const auto digits = value.substr(0, value.find_first_not_of("0123456789"));
  // If the number is too large, SimpleAtoi() sets the largest number.
  uint64_t number = 77;
  if (!digits.empty()) (void)absl::SimpleAtoi(digits, &number);
  warnings.clear();
  EXPECT_EQ(*ReadControlNumber(file.path(), 77, &warnings), number);
  EXPECT_EQ(warnings.size(), digits.empty() || digits != value ? 1u : 0u);
  return 0;
}

}  // namespace postern::policy
