// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/pace.h"

#include <cstdint>

#include "absl/time/time.h"
#include "engine/instant.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// 100 octets per second, after ten seconds.
class PaceTest : public testing::Test {
 protected:
  static Instant At(int second) {
    return Instant() + absl::Seconds(1000 + second);
  }

  PaceOptions options_{.min_rate = 100, .grace = absl::Seconds(10)};
  Pace pace_{&options_};
};

TEST_F(PaceTest, RequiresNoRateOutsideContent) {
  EXPECT_EQ(pace_.deadline(), Instant::Never());
  pace_.Update(0, /*our_turn=*/false, At(0), 0);
  EXPECT_EQ(pace_.deadline(), Instant::Never());
  pace_.Update(1, /*our_turn=*/false, At(0), 0);
  pace_.Update(0, /*our_turn=*/false, At(5), 0);
  EXPECT_EQ(pace_.deadline(), Instant::Never());
  EXPECT_FALSE(pace_.TooSlow(At(1000), 0));
}

TEST_F(PaceTest, RequiresNoRateIfNoneIsSet) {
  options_.min_rate = 0;
  pace_.Update(1, /*our_turn=*/false, At(0), 0);
  EXPECT_EQ(pace_.deadline(), Instant::Never());
}

TEST_F(PaceTest, ClientMustKeepTheRateAfterTheGrace) {
  const struct {
    uint64_t octets;
    bool slow;
    int next;  // deadline, in seconds
  } cases[] = {
      {0, true, 10},     {999, true, 10},   {1000, false, 11},
      {1099, false, 11}, {1300, false, 13}, {6000, false, 60},
  };
  for (const auto& c : cases) {
    Pace pace(&options_);
    pace.Update(1, /*our_turn=*/false, At(0), 50'000);
    ASSERT_EQ(pace.deadline(), At(10));
    EXPECT_FALSE(pace.TooSlow(At(10) + -absl::Milliseconds(1), 50'000));
    EXPECT_EQ(pace.deadline(), At(10)) << "checked too early";
    EXPECT_EQ(pace.TooSlow(At(10), 50'000 + c.octets), c.slow) << c.octets;
    EXPECT_EQ(pace.deadline(), At(c.next)) << c.octets;
  }
}

TEST_F(PaceTest, AFastClientMayPause) {
  pace_.Update(1, /*our_turn=*/false, At(0), 0);
  EXPECT_FALSE(pace_.TooSlow(At(10), 6000));
  EXPECT_EQ(pace_.deadline(), At(60));
  EXPECT_TRUE(pace_.TooSlow(At(61), 6000));
  EXPECT_FALSE(pace_.TooSlow(At(61), 6100));
}

TEST_F(PaceTest, TimeOfTheServerDoesNotCount) {
  pace_.Update(1, /*our_turn=*/true, At(0), 0);
  EXPECT_EQ(pace_.deadline(), Instant::Never());
  pace_.Update(1, /*our_turn=*/false, At(100), 0);
  EXPECT_EQ(pace_.deadline(), At(110));
  pace_.Update(1, /*our_turn=*/true, At(104), 0);
  EXPECT_EQ(pace_.deadline(), Instant::Never());
  pace_.Update(1, /*our_turn=*/true, At(150), 0);
  pace_.Update(1, /*our_turn=*/false, At(200), 0);
  EXPECT_EQ(pace_.deadline(), At(206));
  pace_.Update(1, /*our_turn=*/false, At(203), 999);
  EXPECT_EQ(pace_.deadline(), At(206)) << "no change";
  EXPECT_FALSE(pace_.TooSlow(At(206), 1000));
  EXPECT_TRUE(pace_.TooSlow(At(207), 1099));
}

TEST_F(PaceTest, EachMessageStartsAgain) {
  pace_.Update(1, /*our_turn=*/false, At(0), 0);
  // Very fast, and the next message is in the same read.
  pace_.Update(2, /*our_turn=*/false, At(1), 1'000'000);
  EXPECT_EQ(pace_.deadline(), At(11));
  EXPECT_TRUE(pace_.TooSlow(At(11), 1'000'999));
}

TEST_F(PaceTest, ManyOctetsDoNotOverflow) {
  options_.min_rate = 1;
  pace_.Update(1, /*our_turn=*/false, At(0), 0);
  EXPECT_FALSE(pace_.TooSlow(At(10), UINT64_MAX));
  EXPECT_EQ(pace_.deadline(), At(24 * 60 * 60));
}

}  // namespace
}  // namespace postern
