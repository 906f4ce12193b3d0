// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Names for sessions: SessionInfo::session_id.

#ifndef POSTERN_TRANSPORTS_SESSION_ID_H_
#define POSTERN_TRANSPORTS_SESSION_ID_H_

#include <cstdint>
#include <string>

namespace postern::transports {

// Returns a name that no other session of this machine has, in this process or
// another: 15 lower-case letters and digits at most. Thread-safe.
//
// It is the process id and a count that begins at the microsecond of the
// process's first session. A later process with the same id begins at a later
// microsecond, and no process serves a session in each microsecond, so the
// counts of two processes do not meet (unless the clock is set back).
std::string NewSessionId();

// Returns the name for process `pid` and the count `count`: both in base 36,
// the count as the last ten digits. For tests.
std::string FormatSessionId(uint64_t pid, uint64_t count);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_SESSION_ID_H_
