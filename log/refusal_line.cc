// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/refusal_line.h"

namespace postern::log {

LogLine LogRefusal(const Refusal& refusal, const SessionInfo& session,
                   const LogStyle& style) {
  LogLine line("refused", style, {session.session_id, refusal.message});
  line.Ip("ip", session.remote_address)
      .Text("verb", refusal.verb, kMaxLoggedName)
      .Sentence("command", refusal.command, kMaxLoggedText)
      .Answer("reply", refusal.reply);
  return line;
}

}  // namespace postern::log
