// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/instant.h"

#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(InstantTest, MayStartAnywhere) {
  const Instant later = Instant(-5) + absl::Microseconds(1);
  EXPECT_EQ(later.nanoseconds(), 995);
  EXPECT_EQ(later - Instant(-5), absl::Microseconds(1));
  EXPECT_LT(Instant(-5), later);
}

TEST(InstantTest, NothingIsLaterThanNever) {
  const Instant never = Instant::Never();
  EXPECT_EQ(Instant(7) + absl::InfiniteDuration(), never);
  EXPECT_EQ(Instant(7) + absl::Hours(24 * 365 * 1000), never);
  EXPECT_EQ(never + absl::Nanoseconds(1), never);
  EXPECT_EQ(Instant(-7) + -absl::InfiniteDuration(),
            Instant(std::numeric_limits<int64_t>::min()));
}

}  // namespace
}  // namespace postern
