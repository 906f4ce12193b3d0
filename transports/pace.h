// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Whether a client sends the content of a message fast enough.

#ifndef POSTERN_TRANSPORTS_PACE_H_
#define POSTERN_TRANSPORTS_PACE_H_

#include <chrono>
#include <cstdint>

#include "absl/time/time.h"

namespace postern::transports {

struct PaceOptions {
  // Octets a second, on average since the content began: against clients that
  // hold a connection with as little as timeouts let pass. 0: any.
  uint64_t min_rate = 0;
  // Of a message's time, how long nothing is asked of it.
  absl::Duration grace = absl::Seconds(30);
};

// Pace is told what the driver does, and asked only when its deadline has come:
// a read costs no more than without it. It has no clock. The time in which the
// client has to wait for us is not counted.
//
// Thread-compatible.
class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `options` must outlive it.
  explicit Pace(const PaceOptions* options) : options_(*options) {}

  // Says that from `now` on the session is in the content of its message
  // `message` (ServerSession::content()), 0: of none; that we wait for the
  // client, or have it wait for us; and that `octets` have come so far, in all
  // the session. `now` and `octets` never fall.
  void Update(uint64_t message, bool our_turn, Time now, uint64_t octets);

  // Returns when to ask TooSlow(); Time::max(): for now, never.
  Time deadline() const { return deadline_; }

  // Returns whether the client is too slow by `now`, with `octets`. If not, the
  // deadline is a later one.
  bool TooSlow(Time now, uint64_t octets);

 private:
  using Duration = Time::duration;

  const PaceOptions& options_;
  uint64_t message_ = 0;
  uint64_t before_ = 0;  // octets that came before its content
  Duration spent_{};     // of the client's time, up to since_
  Duration left_{};      // to the deadline, while it is our turn
  Time since_;           // the client's turn began; nothing while it is ours
  Time deadline_ = Time::max();
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_PACE_H_
