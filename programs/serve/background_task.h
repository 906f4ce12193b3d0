// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A task that a program requests at any time and does not wait for.

#ifndef POSTERN_PROGRAMS_SERVE_BACKGROUND_TASK_H_
#define POSTERN_PROGRAMS_SERVE_BACKGROUND_TASK_H_

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::programs {

// Runs `task` on its own thread, one run at a time. Requests during a run cause
// exactly one more run after it, so the last run begins after the last request.
// If a run throws std::bad_alloc, it ends, and the log has a warning: memory
// may be exhausted only now, and the program must go on.
//
// Thread-safe. The destructor waits for the task: see running().
class BackgroundTask {
 public:
  // `name` is the name of the thread: see system::StartThread().
  BackgroundTask(absl::string_view name, std::function<void()> task)
      : name_(name), task_(std::move(task)) {}
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;
  ~BackgroundTask();

  // Requests a run. Returns the error of system::StartThread() if the thread
  // does not start; there is then no run.
  absl::Status Request();

  // Returns whether the task runs or is about to run.
  bool running() const;

 private:
  void Work();

  const std::string name_;
  const std::function<void()> task_;
  mutable std::mutex mutex_;
  bool requested_ = false;  // guarded by mutex_
  bool running_ = false;    // guarded by mutex_
  std::thread thread_;      // guarded by mutex_, except for the thread itself
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_BACKGROUND_TASK_H_
