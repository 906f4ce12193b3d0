// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Converts between the engine's Instant and std::chrono::steady_clock.

#ifndef POSTERN_TRANSPORTS_STEADY_CLOCK_H_
#define POSTERN_TRANSPORTS_STEADY_CLOCK_H_

#include <chrono>

#include "engine/instant.h"

namespace postern::transports {

using SteadyTime = std::chrono::steady_clock::time_point;

inline Instant ToInstant(SteadyTime time) {
  return Instant(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

inline SteadyTime ToSteadyTime(Instant instant) {
  return SteadyTime(std::chrono::nanoseconds(instant.nanoseconds()));
}

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_STEADY_CLOCK_H_
