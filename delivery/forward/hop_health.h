// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Remembers that a server of a next hop does not work, so that only one client
// waits for its timeout.

#ifndef POSTERN_DELIVERY_FORWARD_HOP_HEALTH_H_
#define POSTERN_DELIVERY_FORWARD_HOP_HEALTH_H_

#include <chrono>
#include <mutex>
#include <optional>

#include "delivery/forward/hop_driver.h"
#include "delivery/forward/hop_link.h"

namespace postern::delivery {

// A circuit breaker. A server that works gets every connection. After a failure
// it gets none for kFirstPause. Then one connection tests it: if that fails,
// the next pause is twice as long, up to kLongestPause; if the server greets,
// it works again.
//
// Thread-safe.
class HopHealth {
 public:
  using Time = HopDriver::Time;
  static constexpr std::chrono::seconds kFirstPause{1};
  static constexpr std::chrono::seconds kLongestPause{60};

  // Returns nullopt if a connection may be opened now: the caller then reports
  // its result. Otherwise returns the last failure.
  std::optional<HopFailure> Refusal(Time now);
  void Succeeded();
  void Failed(const HopFailure& failure, Time now);

 private:
  // A test whose result is not reported within this time has been abandoned.
  static constexpr std::chrono::minutes kTest{5};

  std::mutex mutex_;                // guards the members below
  std::optional<HopFailure> last_;  // nullopt: the server works
  std::chrono::seconds pause_{0};
  Time until_;  // the end of the pause, or of the test
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_HOP_HEALTH_H_
