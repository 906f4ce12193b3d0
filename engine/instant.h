// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A reading of a clock that never goes back.

#ifndef POSTERN_ENGINE_INSTANT_H_
#define POSTERN_ENGINE_INSTANT_H_

#include <compare>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace postern {

// Instant is a reading of a monotonic clock in nanoseconds: CLOCK_MONOTONIC,
// std::chrono::steady_clock, or the virtual clock of a test. Only differences
// count, so the clock may begin anywhere. It is a type of its own because a
// reading of the wall clock (absl::Time) is never a right argument: a session
// must not end because an administrator sets the clock.
class Instant {
 public:
  constexpr Instant() = default;
  constexpr explicit Instant(int64_t nanoseconds) : nanoseconds_(nanoseconds) {}

  // Later than all others.
  static constexpr Instant Never() {
    return Instant(std::numeric_limits<int64_t>::max());
  }

  constexpr int64_t nanoseconds() const { return nanoseconds_; }

  // Saturates: Never() is the latest result, also for InfiniteDuration().
  friend Instant operator+(Instant at, absl::Duration duration) {
    const int64_t more = absl::ToInt64Nanoseconds(duration);
    int64_t sum = 0;
    if (__builtin_add_overflow(at.nanoseconds_, more, &sum)) {
      return more > 0 ? Never() : Instant(std::numeric_limits<int64_t>::min());
    }
    return Instant(sum);
  }
  friend absl::Duration operator-(Instant later, Instant earlier) {
    return absl::Nanoseconds(later.nanoseconds_ - earlier.nanoseconds_);
  }
  friend constexpr auto operator<=>(const Instant&, const Instant&) = default;

 private:
  int64_t nanoseconds_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_INSTANT_H_
