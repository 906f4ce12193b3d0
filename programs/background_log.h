// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A log that nobody waits for.

#ifndef POSTERN_PROGRAMS_BACKGROUND_LOG_H_
#define POSTERN_PROGRAMS_BACKGROUND_LOG_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "programs/log.h"

namespace postern::programs {

// Has a thread of its own write what WriteLog() says: a pipe that is full,
// since its reader is slow, would stop every session of a server. Where the
// reader is 8 MiB behind, lines are lost, and counted in a line once it goes
// on.
//
// One at a time. Its end writes what is left; by then nobody else may log.
class BackgroundLog : public LogSink {
 public:
  BackgroundLog();
  BackgroundLog(const BackgroundLog&) = delete;
  BackgroundLog& operator=(const BackgroundLog&) = delete;
  ~BackgroundLog() override;

  void Add(absl::string_view line) override;

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string lines_;  // guarded by mutex_
  uint64_t lost_ = 0;  // guarded by mutex_
  bool over_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_BACKGROUND_LOG_H_
