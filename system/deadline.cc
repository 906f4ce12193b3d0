// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/deadline.h"

#include <limits.h>
#include <time.h>

#include <algorithm>
#include <cstdint>

namespace postern::system {
namespace {

absl::Duration MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace

Deadline::Deadline(absl::Duration timeout)
    : end_(timeout == absl::InfiniteDuration() ? timeout
                                               : MonotonicNow() + timeout) {}

int Deadline::Milliseconds() const {
  if (end_ == absl::InfiniteDuration()) return -1;
  const absl::Duration left = end_ - MonotonicNow();
  if (left <= absl::ZeroDuration()) return 0;
  return static_cast<int>(std::min<int64_t>(
      absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))),
      INT_MAX));
}

}  // namespace postern::system
