// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Makes SessionInfo::session_id.

#ifndef POSTERN_TRANSPORTS_SESSION_ID_H_
#define POSTERN_TRANSPORTS_SESSION_ID_H_

#include <cstdint>
#include <string>

namespace postern::transports {

// Returns an id that no other session on this host has, in this or another
// process: at most 15 lower-case letters and digits. Thread-safe. Must not be
// called in a child that was forked after the first call: it would repeat its
// parent's ids.
//
// The id is the process id and a count that begins at the microsecond of the
// process's first session. A later process with the same process id begins at a
// later microsecond, and no process serves a session in each microsecond, so
// the counts of two processes differ (unless the clock is set back).
std::string NewSessionId();

// Returns the id for process `pid` and `count`, both in base 36, the count as
// the last ten digits. Separate for tests.
std::string FormatSessionId(uint64_t pid, uint64_t count);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_SESSION_ID_H_
