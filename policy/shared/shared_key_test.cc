// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/shared_key.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(SharedKeyTest, EscapesWhatIsNotOfAName) {
  EXPECT_EQ(SharedKey("ann@x.example"), "ann@x.example");
  EXPECT_EQ(SharedKey("a:b c%d\r\n*\xc3\xa4"), "a%3ab%20c%25d%0d%0a%2a%c3%a4");
  EXPECT_EQ(SharedKey(std::string(1, '\0')), "%00");
  EXPECT_EQ(SharedKey(""), "");
}

TEST(SharedKeyTest, LongTextIsHashed) {
  const std::string longest(kMaxSharedKey, 'a');
  EXPECT_EQ(SharedKey(longest), longest);
  // The SHA-256 of 81 times "a", as sha256sum prints it.
  EXPECT_EQ(
      SharedKey(longest + "a"),
      "~8c48280d57fb88f161adf34d9f597d93ca32b7edfcd23b2afe64c3789b3f7855");
  std::set<std::string> keys;
  for (const size_t size : {27, 28, 81, 82, 100000}) {
    const std::string key = SharedKey(std::string(size, ':'));
    EXPECT_LE(key.size(), kMaxSharedKey);
    EXPECT_TRUE(keys.insert(key).second) << size;
  }
}

}  // namespace
}  // namespace postern::policy
