// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_health.h"

#include <chrono>

#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HopHealthTest : public testing::Test {
 protected:
  bool May() { return !health_.Refusal(now_); }
  void Fail(const char* what = "is down") {
    health_.Failed({HopFailure::Kind::kUnreachable, what, ""}, now_);
  }

  HopHealth health_;
  HopDriver::Time now_{seconds(1000)};
};

TEST_F(HopHealthTest, WorkingServerGetsEveryConnection) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(May());
  health_.Succeeded();
  EXPECT_TRUE(May());
}

TEST_F(HopHealthTest, PauseFollowsAFailureThenOneTest) {
  Fail("timeout");
  EXPECT_EQ(health_.Refusal(now_)->what, "timeout");
  now_ += HopHealth::kFirstPause - milliseconds(1);
  EXPECT_FALSE(May());
  now_ += milliseconds(1);
  EXPECT_TRUE(May());   // the test
  EXPECT_FALSE(May());  // all others still fail at once
  health_.Succeeded();
  EXPECT_TRUE(May());
  EXPECT_TRUE(May());
}

TEST_F(HopHealthTest, EachFailedTestDoublesThePause) {
  seconds pause = HopHealth::kFirstPause;
  Fail();
  for (int i = 0; i < 10; ++i) {
    now_ += pause - milliseconds(1);
    EXPECT_FALSE(May()) << i;
    now_ += milliseconds(1);
    EXPECT_TRUE(May()) << i;
    now_ += seconds(10);  // the test takes time
    Fail();
    pause = std::min(2 * pause, HopHealth::kLongestPause);
  }
  EXPECT_EQ(pause, HopHealth::kLongestPause);
}

// A hundred connections that were open when the server died are one failure.
TEST_F(HopHealthTest, ManyFailuresAtOnceAreOne) {
  for (int i = 0; i < 100; ++i) Fail();
  now_ += HopHealth::kFirstPause;
  EXPECT_TRUE(May());
}

TEST_F(HopHealthTest, AbandonedTestDoesNotBlockTheServerForever) {
  Fail();
  now_ += HopHealth::kFirstPause;
  EXPECT_TRUE(May());
  now_ += std::chrono::minutes(4);
  EXPECT_FALSE(May());
  now_ += std::chrono::minutes(1);
  EXPECT_TRUE(May());
}

}  // namespace
}  // namespace postern::delivery
