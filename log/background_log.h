// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A log that is written by its own thread, so that no session waits for it.

#ifndef POSTERN_LOG_BACKGROUND_LOG_H_
#define POSTERN_LOG_BACKGROUND_LOG_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "log/log.h"

namespace postern::log {

// Writes the log lines of the process on a thread of its own. Without it, a
// full pipe, whose reader is slow, would block every session of a server. At
// most 8 MiB of lines wait for the reader. Further lines are dropped. When the
// reader continues, a log line says how many lines were dropped.
//
// At most one object may exist at a time. The destructor calls Finish() and
// waits until finished(). No other thread may log during the destructor.
class BackgroundLog : public LogSink {
 public:
  // Starts the thread. All log lines of the process go to it from now on.
  // Returns the error of system::StartThread() if the thread does not start;
  // the log is then written as before.
  static absl::StatusOr<std::unique_ptr<BackgroundLog>> Start();
  BackgroundLog(const BackgroundLog&) = delete;
  BackgroundLog& operator=(const BackgroundLog&) = delete;
  ~BackgroundLog() override;

  void Add(absl::string_view line) override;

  // Writes the lines that are left. Gives up if the reader takes nothing and 5
  // seconds have passed. Lines added after this call may be dropped. Does not
  // wait: see finished(). Thread-safe.
  void Finish();
  // Returns whether all lines are written or the log has given up. The
  // destructor waits for this. The wait has no limit if write(2) itself blocks,
  // for example on a file of an NFS server that does not respond. Thread-safe.
  bool finished() const;

 private:
  using Clock = std::chrono::steady_clock;

  BackgroundLog() = default;

  void Work();
  void WriteAll(absl::string_view lines);
  // Waits until standard error accepts bytes. Returns false if the wait must
  // end because of Finish().
  bool WaitForReader();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string lines_;      // guarded by mutex_
  uint64_t lost_ = 0;      // guarded by mutex_
  bool over_ = false;      // guarded by mutex_
  bool finished_ = false;  // guarded by mutex_
  // When to give up. Set by Finish(). Guarded by mutex_.
  Clock::time_point end_ = Clock::time_point::max();
  std::thread thread_;
};

}  // namespace postern::log

#endif  // POSTERN_LOG_BACKGROUND_LOG_H_
