// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs tasks after a delay, for code that has no event loop.

#ifndef POSTERN_NET_TASK_TIMER_H_
#define POSTERN_NET_TASK_TIMER_H_

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace postern::net {

// Thread-safe, except Start() and the destructor.
class TaskTimer {
 public:
  // Something that runs once.
  using Task = absl::AnyInvocable<void() &&>;

  TaskTimer() = default;
  TaskTimer(const TaskTimer&) = delete;
  TaskTimer& operator=(const TaskTimer&) = delete;
  // Destroys the tasks that have not run.
  ~TaskTimer();

  // Starts the thread. Returns the error of system::StartThread().
  absl::Status Start();

  // Runs `task` after `delay`, on the timer's thread. Tasks run in the order of
  // their times. `task` must not block.
  void After(absl::Duration delay, Task task);

 private:
  using Clock = std::chrono::steady_clock;

  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, Task> tasks_;  // guarded by mutex_
  bool over_ = false;                             // guarded by mutex_
  std::thread thread_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TASK_TIMER_H_
