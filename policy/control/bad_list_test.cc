// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/bad_list.h"

#include <optional>
#include <utility>

#include "gtest/gtest.h"

namespace postern::policy {
namespace {

BadList MakeList() {
  BadList list;
  list.lines = LineSet("/c/b", {{"@x.example", 1}});
  auto patterns = PatternList::Make(
      "/c/bpatterns", {{"^[0-9]+@", 3}, {"@xn--d-1ga\\.", 4}, {"!@", 5}});
  EXPECT_TRUE(patterns.ok()) << patterns.status();
  list.patterns = *std::move(patterns);
  auto no_relay = PatternList::Make("/c/bnorelay", {{"@mine\\.example$", 7}});
  EXPECT_TRUE(no_relay.ok()) << no_relay.status();
  list.no_relay = *std::move(no_relay);
  return list;
}

TEST(BadListTest, AsksTheLinesThenThePatterns) {
  const BadList list = MakeList();
  EXPECT_FALSE(list.empty());
  for (const bool may_relay : {false, true}) {
    EXPECT_EQ(list.Find({"1", "x.example"}, may_relay), "/c/b:1");
    EXPECT_EQ(list.Find({"1", "y.example"}, may_relay), "/c/bpatterns:3");
    EXPECT_EQ(list.Find({"u", "y.example"}, may_relay), std::nullopt);
    EXPECT_EQ(list.Find({"u", ""}, may_relay), "/c/bpatterns:5");
  }
}

TEST(BadListTest, SomePatternsAreNotForClientsThatMayRelay) {
  const BadList list = MakeList();
  EXPECT_EQ(list.Find({"u", "Mine.Example"}, false), "/c/bnorelay:7");
  EXPECT_EQ(list.Find({"u", "mine.example"}, true), std::nullopt);
  BadList only = BadList();
  only.no_relay = MakeList().no_relay;
  EXPECT_FALSE(only.empty());
  EXPECT_EQ(only.Find({"u", "mine.example"}, false), "/c/bnorelay:7");
}

// A negated pattern would refuse all bounces.
TEST(BadListTest, PatternsDoNotApplyToTheNullSender) {
  EXPECT_EQ(MakeList().Find({}, false), std::nullopt);
}

TEST(BadListTest, PatternsSeeADomainInItsXnForm) {
  EXPECT_EQ(MakeList().Find({"u", "D\xc3\xb6.example"}, false),
            "/c/bpatterns:4");
}

TEST(BadListTest, AnEmptyListRefusesNothing) {
  EXPECT_TRUE(BadList().empty());
  EXPECT_EQ(BadList().Find({"u", "x.example"}, false), std::nullopt);
}

}  // namespace
}  // namespace postern::policy
