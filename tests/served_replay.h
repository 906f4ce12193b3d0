// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a ServedSession in virtual time, with a client, interfaces and a driver
// that act in any order, and checks its invariants.

#ifndef POSTERN_TESTS_SERVED_REPLAY_H_
#define POSTERN_TESTS_SERVED_REPLAY_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/strings/string_view.h"
#include "engine/server_config.h"
#include "engine/session_observer.h"
#include "engine/session_times.h"
#include "tests/replay.h"

namespace postern {

// Returns a number of at most `most`. It decides everything that happens in a
// run. If all numbers are 0, everything happens as fast as possible.
using Chooser = std::function<uint32_t(uint32_t most)>;

struct ServedOutcome {
  Outcome outcome;
  // A deadline passed, or a handshake failed: `outcome` may be a beginning of
  // the whole outcome, with one more reply.
  bool cut_short = false;
};

// Feeds `flights` to a session as Replay() does (tests/replay.h), but through
// ServedSession: octets move in pieces, answers and transactions are late, and
// time passes in between. Fails the calling test if
//   - a stage that waits has no deadline, or the session takes longer than the
//     limit of ServedSession,
//   - input in memory exceeds its limit, or is in the shared read buffer after
//     the session has released that,
//   - kServedSecret stays in that buffer,
//   - the counts of SessionEnd are wrong.
// `observer` may be null.
ServedOutcome ServedReplay(ServerConfig config, const SessionTimes& times,
                           const Flights& flights, WireEnd end,
                           const Answerer& answerer, const Chooser& choose,
                           SessionObserver* observer = nullptr);

// Expects that `some`, which a deadline cut short, is a beginning of `all`,
// with at most one more reply at its end.
void ExpectBeginning(const Outcome& some, const Outcome& all);

// A password in flights. The buffer is searched for it only if each occurrence
// follows an AUTH and there is no content.
inline constexpr absl::string_view kServedSecret = "ZZZZZZZZ";

}  // namespace postern

#endif  // POSTERN_TESTS_SERVED_REPLAY_H_
