// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Whether a client sends the content of a message fast enough.

#ifndef POSTERN_ENGINE_PACE_H_
#define POSTERN_ENGINE_PACE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "engine/instant.h"

namespace postern {

struct PaceOptions {
  // Octets a second that a client must send, on average since the content
  // began. It stops clients that hold a connection with as few octets as the
  // timeouts allow. 0: any rate.
  uint64_t min_rate = 0;
  // The first part of a message's time, in which the rate does not count.
  absl::Duration grace = absl::Seconds(30);
};

// Pace measures the rate of one session's content. The session reports what it
// does, and asks only when the deadline has come, so a read costs no more than
// without it. The time in which the client has to wait for the server does not
// count.
//
// Thread-compatible.
class Pace {
 public:
  // `options` must outlive it.
  explicit Pace(const PaceOptions* options) : options_(*options) {}

  // Reports that from `now` on the session is in the content of its message
  // `message` (ServerSession::content(); 0: of none), whether the client waits
  // for the server (`our_turn`) or the server for the client, and that
  // `octets` have come so far in the whole session. `now` and `octets` never
  // fall.
  void Update(uint64_t message, bool our_turn, Instant now, uint64_t octets);

  // Returns when to ask TooSlow(). Never() if no rate is asked of the client at
  // this moment.
  Instant deadline() const { return deadline_; }

  // Returns whether the client is too slow by `now`, with `octets`. If not, the
  // deadline is a later one.
  bool TooSlow(Instant now, uint64_t octets);

 private:
  const PaceOptions& options_;
  uint64_t message_ = 0;
  uint64_t before_ = 0;   // octets that came before its content
  absl::Duration spent_;  // of the client's time, up to since_
  absl::Duration left_;   // to the deadline, while it is our turn
  Instant since_;  // the client's turn began; no meaning while it is ours
  Instant deadline_ = Instant::Never();
};

}  // namespace postern

#endif  // POSTERN_ENGINE_PACE_H_
