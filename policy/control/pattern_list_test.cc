// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/pattern_list.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(PatternListTest, FindsTheFirstLineThatApplies) {
  const auto list = PatternList::Make(
      "/c/p", {{"@x\\.example$", 2}, {"@(x|y)\\.example$", 4}, {"!\\.", 9}});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->Find("u@X.example"), "/c/p:2");
  EXPECT_EQ(list->Find("u@y.example"), "/c/p:4");
  EXPECT_EQ(list->Find("u@z.example"), std::nullopt);
  EXPECT_EQ(list->Find("u@z"), "/c/p:9");
  EXPECT_EQ(list->Find(""), "/c/p:9");
  EXPECT_FALSE(list->empty());
  EXPECT_EQ(PatternList().Find("u@z"), std::nullopt);
  EXPECT_TRUE(PatternList().empty());
}

TEST(PatternListTest, ErrorNamesTheLine) {
  const auto list = PatternList::Make("/c/p", {{"a", 1}, {"!*", 3}});
  EXPECT_EQ(list.status(),
            absl::InvalidArgumentError(
                "/c/p:3: the regular expression has a '*' that repeats nothing "
                "(\".*\" is any text), at octet 1"));
}

TEST(PatternListTest, AllLinesTogetherHaveALimit) {
  std::vector<Line> lines;
  for (int i = 1; i <= 60; ++i) lines.push_back({std::string(99, 'a'), i});
  const auto list = PatternList::Make("/c/p", lines);
  EXPECT_EQ(list.status(),
            absl::InvalidArgumentError("/c/p:51: the expressions up to here "
                                       "have more than 5000 parts"));
  lines.resize(50);
  EXPECT_TRUE(PatternList::Make("/c/p", lines).ok());
}

}  // namespace
}  // namespace postern::policy
