// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Follows a session by its bytes alone, as its client sees it.

#ifndef POSTERN_TESTS_FOLLOWER_H_
#define POSTERN_TESTS_FOLLOWER_H_

#include "engine/server_config.h"
#include "tests/replay.h"

namespace postern {

// Checks, from the bytes alone, that the replies are one well-formed reply for
// each command of `flights`, and one more for each message (under LMTP, one for
// each of its recipients), in step; that nothing but what ends a transaction
// ends one; and that each message is what the client sent, without its dots.
void ExpectOneReplyPerCommand(const ServerConfig& config,
                              const Flights& flights, const Outcome& outcome);

}  // namespace postern

#endif  // POSTERN_TESTS_FOLLOWER_H_
