// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_SYSTEM_DEADLINE_H_
#define POSTERN_SYSTEM_DEADLINE_H_

#include "absl/time/time.h"

namespace postern::system {

// A point in time on the monotonic clock, which is never set back.
class Deadline {
 public:
  // The deadline is `timeout` from now. absl::InfiniteDuration() means never.
  explicit Deadline(absl::Duration timeout);

  // Returns the remaining time in milliseconds, rounded up, as poll(2) expects
  // it: 0 if the deadline has passed, -1 for never.
  int Milliseconds() const;
  bool passed() const { return Milliseconds() == 0; }

 private:
  absl::Duration end_;
};

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_DEADLINE_H_
