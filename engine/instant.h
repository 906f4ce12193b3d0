// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A point in time of a monotonic clock.

#ifndef POSTERN_ENGINE_INSTANT_H_
#define POSTERN_ENGINE_INSTANT_H_

#include <compare>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace postern {

// Instant is a reading of a monotonic clock in nanoseconds: CLOCK_MONOTONIC,
// std::chrono::steady_clock, or the virtual clock of a test. Only differences
// matter, so the clock may start anywhere. It is a separate type because
// wall-clock time (absl::Time) would always be a mistake here: a session must
// not end because an administrator sets the clock.
class Instant {
 public:
  constexpr Instant() = default;
  // The instant that many nanoseconds after the clock's zero.
  constexpr explicit Instant(int64_t nanoseconds) : nanoseconds_(nanoseconds) {}

  // Later than all other instants.
  static constexpr Instant Never() {
    return Instant(std::numeric_limits<int64_t>::max());
  }

  // Nanoseconds since the clock's zero.
  constexpr int64_t nanoseconds() const { return nanoseconds_; }

  // Saturates: the latest result is Never(), also for InfiniteDuration().
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
