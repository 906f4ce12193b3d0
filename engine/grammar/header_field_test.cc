// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/header_field.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(HeaderFieldTest, AcceptsWholeFieldsOnly) {
  const std::string longest = absl::StrCat("A:", std::string(996, 'x'));
  const struct {
    absl::string_view text;
    bool whole;
  } cases[] = {
      {"X-Greylist: delayed 301 seconds\r\n", true},
      {"X:\r\n", true},
      {"A: 1\r\nB: 2\r\n", true},
      {"A: 1\r\n\t2\r\n 3\r\nB: 4\r\n", true},
      {"Subject: b\xc3\xbcro\r\n", true},
      {"", false},
      {"A: 1", false},
      {"A: 1\n", false},
      {"A: 1\r", false},
      {"A: 1\r\n\r\n", false},  // ends the header section
      {"A: 1\r\n\r\nbody\r\n", false},
      {"A: 1\r\n \t\r\n", false},  // the same, to some readers
      {"A: 1\nB: 2\r\n", false},
      {"A: 1\rB: 2\r\n", false},
      {{"A: \0\r\n", 6}, false},
      {"A: \x7f\r\n", false},
      {" A: 1\r\n", false},  // continues nothing
      {"no colon\r\n", false},
      {": no name\r\n", false},
      {"a name: 1\r\n", false},
      {"\xc3\xbc: 1\r\n", false},
  };
  for (const auto& c : cases) EXPECT_EQ(IsHeader(c.text), c.whole) << c.text;
  EXPECT_TRUE(IsHeader(longest + "\r\n"));
  EXPECT_FALSE(IsHeader(longest + "x\r\n"));
}

TEST(HeaderFieldTest, SplitsAHeaderIntoItsFields) {
  EXPECT_EQ(SplitHeader("A: 1\r\n"),
            (std::vector<absl::string_view>{"A: 1\r\n"}));
  EXPECT_EQ(SplitHeader("A: 1\r\n\t2\r\n 3\r\nB: 4\r\nC:\r\n x\r\n"),
            (std::vector<absl::string_view>{"A: 1\r\n\t2\r\n 3\r\n", "B: 4\r\n",
                                            "C:\r\n x\r\n"}));
  EXPECT_TRUE(SplitHeader("").empty());
}

}  // namespace
}  // namespace postern
