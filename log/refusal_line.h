// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The log line about a command that the engine refuses.

#ifndef POSTERN_LOG_REFUSAL_LINE_H_
#define POSTERN_LOG_REFUSAL_LINE_H_

#include "engine/ask.h"
#include "engine/session_info.h"
#include "log/log_line.h"

namespace postern::log {

// Returns the log line of a refusal. In logfmt:
//
//   refused ip=192.0.2.1 verb=RCPT command="RCPT TO:<u@d> NOTIFY\x3dNEVER"
//   reply="555 5.5.4 unknown parameter (#5.5.4)"
//
// (one line, with these fields in this order; session and id precede the
// event). Refusal describes which values can be empty. The command may contain
// any bytes that the client sent, but no password.
LogLine LogRefusal(const Refusal& refusal, const SessionInfo& session,
                   const LogStyle& style);

}  // namespace postern::log

#endif  // POSTERN_LOG_REFUSAL_LINE_H_
