// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace postern::net {
namespace {

std::string Counting(int from, int to) {
  std::string octets;
  const int step = from < to ? 1 : -1;
  for (int i = from; i != to + step; i += step) {
    octets += static_cast<char>(i);
  }
  return octets;
}

TEST(Crc32cTest, MatchesTheExamplesOfRfc3720) {
  const struct {
    std::string octets;
    uint32_t crc;
  } cases[] = {
      {"", 0},
      {"123456789", 0xe3069283},
      // RFC 3720 B.4
      {std::string(32, '\0'), 0x8a9136aa},
      {std::string(32, '\xff'), 0x62a8ab43},
      {Counting(0, 31), 0x46dd794e},
      {Counting(31, 0), 0x113fdb5c},
  };
  for (const auto& c : cases) EXPECT_EQ(Crc32c(c.octets), c.crc);
}

TEST(Crc32cTest, CanBeComputedInPieces) {
  const std::string octets = Counting(0, 255);
  for (size_t cut = 0; cut <= octets.size(); ++cut) {
    EXPECT_EQ(Crc32c(octets.substr(cut), Crc32c(octets.substr(0, cut))),
              Crc32c(octets));
  }
}

}  // namespace
}  // namespace postern::net
