// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A task that a program requests at any time and does not wait for.

#ifndef POSTERN_PROGRAMS_SERVE_BACKGROUND_TASK_H_
#define POSTERN_PROGRAMS_SERVE_BACKGROUND_TASK_H_

#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/status/status.h"

namespace postern::programs {

// Runs `task` on its own thread, one run at a time. Requests during a run cause
// exactly one more run after it, so the last run begins after the last request.
//
// Thread-safe. The destructor waits for the task: see running().
class BackgroundTask {
 public:
  explicit BackgroundTask(std::function<void()> task)
      : task_(std::move(task)) {}
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;
  ~BackgroundTask();

  // Requests a run. Returns an error if the system cannot start a thread.
  absl::Status Request();

  // Returns whether the task runs or is about to run.
  bool running() const;

 private:
  void Work();

  const std::function<void()> task_;
  mutable std::mutex mutex_;
  bool requested_ = false;  // guarded by mutex_
  bool running_ = false;    // guarded by mutex_
  std::thread thread_;      // guarded by mutex_, except for the thread itself
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_BACKGROUND_TASK_H_
