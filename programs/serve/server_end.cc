// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/server_end.h"

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "log/log.h"
#include "system/child_process.h"
#include "system/deadline.h"

namespace postern::programs {
namespace {

// The interval between checks whether something has ended.
constexpr int kLookMilliseconds = 10;
// The time for the event loops to close their connections, and then the time
// for threads to notice that their child process was killed.
constexpr absl::Duration kCloseTime = absl::Milliseconds(150);
constexpr absl::Duration kKillTime = absl::Milliseconds(350);
// The time for the reader of the log to read the rest.
constexpr absl::Duration kLogTime = absl::Seconds(5);
constexpr absl::Duration kShortLogTime = absl::Milliseconds(250);

enum class Waited : uint8_t { kDone, kTimeout, kSignal };

// Waits until `done` returns true, but at most for `time` and until SIGTERM or
// SIGINT.
Waited WaitFor(absl::Duration time, const sigset_t& signals,
               absl::FunctionRef<bool()> done) {
  const system::Deadline deadline(time);
  while (!done()) {
    if (deadline.passed()) return Waited::kTimeout;
    const timespec look = absl::ToTimespec(absl::Milliseconds(
        std::min(kLookMilliseconds, deadline.Milliseconds())));
    const int signal = sigtimedwait(&signals, nullptr, &look);
    if (signal == SIGTERM || signal == SIGINT) return Waited::kSignal;
  }
  return Waited::kDone;
}

// Like WaitFor(), but ignores signals.
void WaitAnyway(absl::Duration time, absl::FunctionRef<bool()> done) {
  sigset_t none;
  sigemptyset(&none);
  (void)WaitFor(time, none, done);
}

bool Idle(const net::ThreadPool& pool) {
  return pool.queued() + pool.running() == 0;
}

}  // namespace

bool ShutDownServer(const ServerParts& parts, absl::Duration drain,
                    const sigset_t& signals) {
  const auto closed = [&parts] { return parts.server->drained(); };
  const auto delivered = [&] { return closed() && Idle(*parts.deliveries); };
  const auto ended = [&] {
    return delivered() &&
           std::all_of(parts.others.begin(), parts.others.end(),
                       [](const auto* pool) { return Idle(*pool); });
  };
  parts.server->Drain();
  const bool hurried = WaitFor(drain, signals, delivered) == Waited::kSignal;
  if (!ended()) {
    parts.messages->Interrupt();
    parts.server->Abandon();
    WaitAnyway(kCloseTime, closed);
    // No thread that waits for a child process still needs its answer. Tasks in
    // the queue are run: without child processes they are short, and destroying
    // them here could wait for locks that they hold.
    const size_t unkillable = system::ChildProcess::EndAll();
    if (unkillable > 0) {
      log::WriteLog("warning",
                    absl::StrCat("left running, since they cannot be killed: ",
                                 unkillable, " child processes"));
    }
    WaitAnyway(kKillTime, ended);
    (void)parts.messages->LogRest();
  }
  parts.log->Finish();
  const Waited logged = WaitFor(hurried ? kShortLogTime : kLogTime, signals,
                                [&parts] { return parts.log->finished(); });
  return ended() && logged == Waited::kDone;
}

}  // namespace postern::programs
