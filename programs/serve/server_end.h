// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The end of postern serve, which takes a bounded time whatever hangs.

#ifndef POSTERN_PROGRAMS_SERVE_SERVER_END_H_
#define POSTERN_PROGRAMS_SERVE_SERVER_END_H_

#include <signal.h>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "log/background_log.h"
#include "net/thread_pool.h"
#include "service/messages_under_way.h"
#include "transports/server.h"

namespace postern::programs {

// What has to end; nothing is owned.
struct ServerParts {
  transports::Server* server = nullptr;
  // Delivers messages: the sessions' end is not all that it waits for.
  const net::ThreadPool* deliveries = nullptr;
  // Others whose work no one needs once the sessions are over.
  absl::Span<const net::ThreadPool* const> others;
  service::MessagesUnderWay* messages = nullptr;
  log::BackgroundLog* log = nullptr;
};

// Ends the server after a first signal, in three steps:
//
// 1. Drains it for at most `drain`: clients get a 421 when no answer and no
//    content is under way, and messages are delivered.
// 2. What is left then, or when another of `signals` comes, is cut off within
//    half a second: connections are closed, child processes are killed where
//    that is allowed, and each interrupted message is logged.
// 3. The log's reader has 5 seconds for what is left of the log, or a quarter
//    second if step 1 was cut short by a signal. A signal ends this step.
//
// So the process ends within `drain` and 6 seconds after the first signal, and
// within a second after the second.
//
// Returns true if everything has ended, and the parts can be destroyed. If it
// returns false, a thread hangs, or may, and only _exit(2) does not wait for
// it. No line can be logged any more. `signals` must be blocked.
bool EndServer(const ServerParts& parts, absl::Duration drain,
               const sigset_t& signals);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVER_END_H_
