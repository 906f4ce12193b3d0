// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures whether a client sends content fast enough.

#ifndef POSTERN_ENGINE_PACE_H_
#define POSTERN_ENGINE_PACE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "engine/instant.h"

namespace postern {

// The rate that a client must keep.
struct PaceOptions {
  // Octets per second that a client must send, on average since the content
  // began. It stops clients that hold a connection with as few octets as the
  // timeouts allow. 0: no minimum.
  uint64_t min_rate = 0;
  // The time at the start of a message in which the rate is not enforced.
  absl::Duration grace = absl::Seconds(30);
};

// Pace measures the rate of one session's content. The session reports its
// state, and calls TooSlow() only when the deadline has passed, so that a read
// costs nothing extra. The time in which the client waits for the server does
// not count.
//
// Thread-compatible.
class Pace {
 public:
  // `options` must outlive the object.
  explicit Pace(const PaceOptions* options) : options_(*options) {}

  // Reports the state from `now` on: the session is in the content of message
  // `message` (ServerSession::content(); 0: in none), the client waits for the
  // server (`our_turn`) or the server for the client, and `octets` have arrived
  // so far in the whole session. `now` and `octets` never decrease.
  void Update(uint64_t message, bool our_turn, Instant now, uint64_t octets);

  // Returns when to call TooSlow(). Never() if no rate is required at this
  // moment.
  Instant deadline() const { return deadline_; }

  // Returns whether the client is too slow at `now`, with `octets`. If not,
  // sets a later deadline.
  bool TooSlow(Instant now, uint64_t octets);

 private:
  const PaceOptions& options_;
  uint64_t message_ = 0;
  uint64_t before_ = 0;   // octets that arrived before this content
  absl::Duration spent_;  // client time spent, up to since_
  absl::Duration left_;   // time to the deadline, while the client waits
  Instant since_;         // start of the client's turn; unused while it waits
  Instant deadline_ = Instant::Never();
};

}  // namespace postern

#endif  // POSTERN_ENGINE_PACE_H_
