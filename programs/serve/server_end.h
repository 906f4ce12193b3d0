// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The shutdown of postern serve, which takes a limited time even if something
// hangs.

#ifndef POSTERN_PROGRAMS_SERVE_SERVER_END_H_
#define POSTERN_PROGRAMS_SERVE_SERVER_END_H_

#include <signal.h>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "log/background_log.h"
#include "net/thread_pool.h"
#include "service/messages_in_progress.h"
#include "transports/server.h"

namespace postern::programs {

// The parts that must end. Does not own them.
struct ServerParts {
  transports::Server* server = nullptr;
  // Delivers messages. May still have work when all sessions have ended.
  const net::ThreadPool* deliveries = nullptr;
  // Pools whose work is useless when all sessions have ended.
  absl::Span<const net::ThreadPool* const> others;
  service::MessagesInProgress* messages = nullptr;
  log::BackgroundLog* log = nullptr;
};

// Shuts the server down after a first signal, in three steps:
//
// 1. Drains the server for at most `drain`: clients get a 421 when no answer is
//    pending and no content is in progress, and messages are delivered.
// 2. After that, or at another of `signals`, ends the rest within half a
//    second: closes connections, kills child processes where that is permitted,
//    and logs each interrupted message.
// 3. Waits for the reader of the log: 5 seconds, or a quarter of a second if a
//    signal ended step 1. A signal ends this step.
//
// So the process ends within `drain` and 6 seconds after the first signal, and
// within one second after the second signal.
//
// Returns true if everything has ended and the parts can be destroyed. If it
// returns false, a thread hangs or may hang, and only _exit(2) does not wait
// for it. After this function no line can be logged. `signals` must be blocked.
bool ShutDownServer(const ServerParts& parts, absl::Duration drain,
                    const sigset_t& signals);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVER_END_H_
