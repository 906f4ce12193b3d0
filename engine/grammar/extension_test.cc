// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/extension.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(ExtensionTest, ASetHasItsMembers) {
  constexpr ExtensionSet kNone;
  static_assert(kNone.empty());
  constexpr ExtensionSet kTwo = {Extension::kDsn, Extension::kRrvs};
  for (const ExtensionRow& row : kExtensionTable) {
    SCOPED_TRACE(std::string(row.keyword));
    EXPECT_FALSE(kNone.Has(row.extension));
    EXPECT_TRUE(ExtensionSet{row.extension}.Has(row.extension));
    EXPECT_EQ(kTwo.Has(row.extension), row.extension == Extension::kDsn ||
                                           row.extension == Extension::kRrvs);
  }
  EXPECT_FALSE(kTwo.empty());
}

TEST(ExtensionTest, IntersectsAndJoinsSets) {
  constexpr ExtensionSet kA = {Extension::kChunking, Extension::kDsn};
  constexpr ExtensionSet kB = {Extension::kDsn, Extension::kRrvs};
  EXPECT_EQ(kA & kB, ExtensionSet{Extension::kDsn});
  EXPECT_EQ(kA | kB, (ExtensionSet{Extension::kChunking, Extension::kDsn,
                                   Extension::kRrvs}));
  EXPECT_EQ(kA & ExtensionSet(), ExtensionSet());
  EXPECT_FALSE(kA == kB);
}

TEST(ExtensionTest, TheTableHasEachExtensionAndKeywordOnce) {
  std::set<std::string> keywords;
  int at = 0;
  for (const ExtensionRow& row : kExtensionTable) {
    EXPECT_EQ(static_cast<int>(row.extension), at++);
    EXPECT_TRUE(keywords.insert(std::string(row.keyword)).second);
  }
}

}  // namespace
}  // namespace postern
