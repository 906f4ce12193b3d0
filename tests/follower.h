// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Checks a session from its bytes alone, as a client sees it.

#ifndef POSTERN_TESTS_FOLLOWER_H_
#define POSTERN_TESTS_FOLLOWER_H_

#include "engine/server_config.h"
#include "tests/replay.h"

namespace postern {

// Checks, from the bytes alone, that
//   - each command of `flights` has one well-formed reply, and each message one
//     more (in LMTP, one for each of its recipients), in order;
//   - a transaction ends only where RFC 5321 ends it;
//   - each message is the content that the client sent, without dot stuffing.
void ExpectOneReplyPerCommand(const ServerConfig& config,
                              const Flights& flights, const Outcome& outcome);

}  // namespace postern

#endif  // POSTERN_TESTS_FOLLOWER_H_
