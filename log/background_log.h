// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A log that no session waits for.

#ifndef POSTERN_LOG_BACKGROUND_LOG_H_
#define POSTERN_LOG_BACKGROUND_LOG_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "log/log.h"

namespace postern::log {

// Has a thread of its own write what WriteLog() says: a pipe that is full,
// because its reader is slow, would stop every session of a server. When 8 MiB
// wait for the reader, further lines are lost; a line says how many once the
// reader goes on.
//
// One at a time. Its destructor writes what is left, as Finish() does; by then
// no other thread may log.
class BackgroundLog : public LogSink {
 public:
  BackgroundLog();
  BackgroundLog(const BackgroundLog&) = delete;
  BackgroundLog& operator=(const BackgroundLog&) = delete;
  ~BackgroundLog() override;

  void Add(absl::string_view line) override;

  // Has what is left written, for at most 5 seconds if the reader takes
  // nothing. Lines that are added later are lost. Does not wait: see
  // finished(). Thread-safe.
  void Finish();
  // Returns whether everything is written, or given up. Until then the
  // destructor waits: without end where write(2) itself hangs, as on a file of
  // a server that is gone. Thread-safe.
  bool finished() const;

 private:
  using Clock = std::chrono::steady_clock;

  void Work();
  void WriteAll(absl::string_view lines);
  // Waits until standard error takes more; false: it is time to give up.
  bool WaitForReader();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string lines_;      // guarded by mutex_
  uint64_t lost_ = 0;      // guarded by mutex_
  bool over_ = false;      // guarded by mutex_
  bool finished_ = false;  // guarded by mutex_
  // When to give up, once it is over. Guarded by mutex_.
  Clock::time_point end_ = Clock::time_point::max();
  std::thread thread_;
};

}  // namespace postern::log

#endif  // POSTERN_LOG_BACKGROUND_LOG_H_
