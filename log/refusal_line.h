// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The line of a log about a command that the protocol itself refuses.

#ifndef POSTERN_LOG_REFUSAL_LINE_H_
#define POSTERN_LOG_REFUSAL_LINE_H_

#include "engine/event.h"
#include "engine/session_info.h"
#include "log/log_line.h"

namespace postern::log {

// Returns a refusal as a line of a log; as logfmt:
//
//   refused ip=192.0.2.1 verb=RCPT command="RCPT TO:<u@d> NOTIFY\x3dNEVER"
//   reply="555 5.5.4 unknown parameter (#5.5.4)"
//
// (one line, always these fields in this order; session and id stand before the
// event). See Refusal for what is empty when; the command may hold whatever the
// client sent, but no password.
LogLine LogRefusal(const Refusal& refusal, const SessionInfo& session,
                   const LogStyle& style);

}  // namespace postern::log

#endif  // POSTERN_LOG_REFUSAL_LINE_H_
