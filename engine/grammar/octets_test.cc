// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/octets.h"

#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(OctetsTest, EachOctetHasItsBit) {
  for (uint64_t want = 0; want < 1 << 16; ++want) {
    Octets octets;
    for (size_t i = 0; i < sizeof(octets); ++i) {
      octets[i] = (want >> i & 1) != 0 ? -1 : 0;
    }
    ASSERT_EQ(Bits(octets), want);
    // The code for machines without an instruction for it.
    ASSERT_EQ(BitsByProduct(octets), want);
    ASSERT_EQ(Any(octets), want != 0);
  }
}

TEST(OctetsTest, FindsEachOctetInEachPlace) {
  for (int c = 0; c < 256; ++c) {
    for (size_t place = 0; place < 64; ++place) {
      char octets[64];
      for (char& other : octets) other = static_cast<char>(c + 1);
      octets[place] = static_cast<char>(c);
      ASSERT_EQ(BitsOf(octets, static_cast<char>(c)), uint64_t{1} << place);
    }
  }
}

TEST(OctetsTest, CountsBits) {
  for (size_t n = 0; n <= 64; ++n) {
    EXPECT_EQ(CountBits(LowBits(n)), n);
    EXPECT_EQ(CountBits(~LowBits(n)), 64 - n);
    EXPECT_EQ(CountBits(LowBits(n) & 0x5555555555555555), (n + 1) / 2);
  }
}

}  // namespace
}  // namespace postern
