// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/octet_set.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

std::string Members(const OctetSet& set) {
  std::string members;
  for (int c = 0; c < 256; ++c) {
    if (set.Has(static_cast<char>(c))) members.push_back(static_cast<char>(c));
  }
  return members;
}

TEST(OctetSetTest, HasItsOctets) {
  EXPECT_EQ(Members(OctetSet("")), "");
  EXPECT_EQ(Members(OctetSet("zay")), "ayz");
  EXPECT_EQ(Members(OctetSet({"\0\xff", 2})), std::string("\0\xff", 2));
  EXPECT_EQ(Members(OctetSet::Range('a', 'd')), "abcd");
  EXPECT_EQ(Members(OctetSet::Range('\x7e', '\x81')), "\x7e\x7f\x80\x81");
  EXPECT_EQ(Members(OctetSet::Range('\xfe', '\xff')), "\xfe\xff");
  EXPECT_EQ(Members(OctetSet::Range('\0', '\xff')).size(), 256u);
}

TEST(OctetSetTest, JoinsSets) {
  constexpr OctetSet kBoth = OctetSet::Range('0', '3') | OctetSet("x2\x80");
  static_assert(kBoth.Has('x') && !kBoth.Has('y'));
  EXPECT_EQ(Members(kBoth), "0123x\x80");
}

TEST(OctetSetTest, SubtractsSets) {
  constexpr OctetSet kSome = OctetSet::Range('0', '5') - OctetSet("13x\x80");
  static_assert(kSome.Has('0') && !kSome.Has('1') && !kSome.Has('x'));
  EXPECT_EQ(Members(kSome), "0245");
}

}  // namespace
}  // namespace postern
