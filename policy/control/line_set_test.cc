// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/line_set.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace postern::policy {
namespace {

// Returns `count` other lines, followed by a few known ones.
LineSet Build(int count) {
  std::vector<Line> lines;
  for (int i = 1; i <= count; ++i) {
    lines.push_back({"other" + std::to_string(i), i});
  }
  lines.push_back({"MiXed.Example", count + 1});
  lines.push_back({".sub.example", count + 3});
  lines.push_back({"mixed.example", count + 4});  // equal to an earlier line
  return LineSet("/c/rcpthosts", std::move(lines));
}

std::string At(int line) { return "/c/rcpthosts:" + std::to_string(line); }

TEST(LineSetTest, FindsTheFirstEqualLineInShortAndLongLists) {
  for (int count : {0, 5, 13, 14, 15, 40, 100000}) {
    SCOPED_TRACE(count);
    const LineSet set = Build(count);
    EXPECT_EQ(set.Find("mixed.example"), At(count + 1));
    EXPECT_EQ(set.Find(".sub.example"), At(count + 3));
    EXPECT_EQ(set.Find("sub.example"), std::nullopt);
    EXPECT_EQ(set.Find("mixed.example."), std::nullopt);
    EXPECT_EQ(set.Find("mixed.exampl"), std::nullopt);
    EXPECT_EQ(set.Find(""), std::nullopt);
    EXPECT_EQ(set.Find("other1"),
              count > 0 ? std::optional(At(1)) : std::nullopt);
  }
}

TEST(LineSetTest, SurvivesAMove) {
  for (int count : {0, 100}) {
    LineSet first = Build(count);
    LineSet second = std::move(first);
    LineSet third;
    third = std::move(second);
    EXPECT_EQ(third.Find("mixed.example"), At(count + 1));
  }
}

TEST(LineSetTest, DefaultIsEmpty) {
  const LineSet set;
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.Find(""), std::nullopt);
  EXPECT_EQ(set.Find("a"), std::nullopt);
}

}  // namespace
}  // namespace postern::policy
