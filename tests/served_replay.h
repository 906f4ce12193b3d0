// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a ServedSession in virtual time, with a client, ports and a driver that
// do everything in any order, and holds it to its laws.

#ifndef POSTERN_TESTS_SERVED_REPLAY_H_
#define POSTERN_TESTS_SERVED_REPLAY_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/strings/string_view.h"
#include "engine/server_config.h"
#include "engine/session_times.h"
#include "tests/replay.h"

namespace postern {

// Returns a number of at most `most`: all that happens in a run is chosen by
// it. For 0 everything goes on as fast as it can.
using Chooser = std::function<uint32_t(uint32_t most)>;

struct ServedOutcome {
  Outcome outcome;
  // A deadline came, or a connection broke: `outcome` may be a beginning of
  // what it would have been, and one more reply.
  bool cut_short = false;
};

// Feeds `flights` to a session as Replay() does (tests/replay.h), but through
// ServedSession: octets come and go in pieces, answers and sinks are late, and
// time passes between any two of these. Fails the calling test if
//   - a stage that waits has no deadline, or the end comes later than the bound
//     of ServedSession,
//   - what waits in memory exceeds its bound, or is in the buffer that sessions
//     share after that was given to another one,
//   - a password of kServedSecret stays in that buffer,
//   - the counts of SessionEnd are wrong.
ServedOutcome ServedReplay(ServerConfig config, const SessionTimes& times,
                           const Flights& flights, WireEnd end,
                           const Answerer& answerer, const Chooser& choose);

// Expects that `some`, which time has cut short, is a beginning of `all`, and
// at most a last reply more.
void ExpectBeginning(const Outcome& some, const Outcome& all);

// Stands for a password in flights. Looked for only where each occurrence
// follows an AUTH, and there is no content.
inline constexpr absl::string_view kServedSecret = "ZZZZZZZZ";

}  // namespace postern

#endif  // POSTERN_TESTS_SERVED_REPLAY_H_
