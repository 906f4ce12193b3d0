// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/turn.h"

#include <chrono>
#include <cstddef>

#include "gtest/gtest.h"

namespace postern::net {
namespace {

using std::chrono::microseconds;

Turn::Time now;
int looks = 0;

Turn::Time Now() {
  ++looks;
  return now;
}

TEST(TurnTest, EndsAfterAFixedNumberOfUnits) {
  Turn turn(Now);
  turn.Begin(now);
  uint64_t units = 0;
  while (!turn.over()) {
    turn.Spend();
    ++units;
  }
  EXPECT_EQ(units, Turn::kUnits);
}

TEST(TurnTest, EndsAfterAFixedTime) {
  Turn turn(Now);
  turn.Begin(now);
  uint64_t units = 0;
  while (!turn.over()) {
    turn.Spend();
    ++units;
    now += microseconds(30);
  }
  EXPECT_LE(units * 30, 1000 + Turn::kLook * 30);
}

TEST(TurnTest, CountsOctetsAsUnits) {
  Turn turn(Now);
  turn.Begin(now);
  size_t octets = 0;
  while (!turn.over()) {
    turn.Spend(65536);
    octets += 65536;
  }
  EXPECT_LE(octets, Turn::kUnits * Turn::kOctetsOfAUnit);
  EXPECT_GE(octets, Turn::kUnits * Turn::kOctetsOfAUnit / 2);
}

TEST(TurnTest, AShortTurnDoesNotReadTheClock) {
  Turn turn(Now);
  looks = 0;
  for (int i = 0; i < 100; ++i) {
    turn.Begin(now);
    for (uint64_t unit = 1; unit < Turn::kLook; ++unit) turn.Spend(4095);
    EXPECT_FALSE(turn.over());
  }
  EXPECT_EQ(looks, 0);
}

TEST(TurnTest, StaysOverUntilTheNextTurnBegins) {
  Turn turn(Now);
  turn.Begin(now);
  turn.Spend(Turn::kUnits * Turn::kOctetsOfAUnit);
  EXPECT_TRUE(turn.over());
  turn.Spend();
  EXPECT_TRUE(turn.over());
  turn.Begin(now);
  EXPECT_FALSE(turn.over());
}

}  // namespace
}  // namespace postern::net
