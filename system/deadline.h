// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_SYSTEM_DEADLINE_H_
#define POSTERN_SYSTEM_DEADLINE_H_

#include "absl/time/time.h"

namespace postern::system {

// A point in time by the monotonic clock, which nobody sets back.
class Deadline {
 public:
  // `timeout` from now; absl::InfiniteDuration() for never.
  explicit Deadline(absl::Duration timeout);

  // Returns what is left in milliseconds, rounded up, as poll(2) takes it: zero
  // when it has passed, -1 for never.
  int Milliseconds() const;
  bool passed() const { return Milliseconds() == 0; }

 private:
  absl::Duration end_;
};

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_DEADLINE_H_
