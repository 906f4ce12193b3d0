// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/task_timer.h"

#include <utility>

#include "absl/status/statusor.h"
#include "system/thread.h"

namespace postern::net {

TaskTimer::~TaskTimer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

absl::Status TaskTimer::Start() {
  absl::StatusOr<std::thread> thread =
      system::StartThread("timer", [this] { Work(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void TaskTimer::After(absl::Duration delay, Task task) {
  const Clock::time_point time =
      Clock::now() + absl::ToChronoNanoseconds(delay);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.emplace(time, std::move(task));
  }
  changed_.notify_all();
}

void TaskTimer::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!over_) {
    if (tasks_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto next = tasks_.begin();
    const Clock::time_point time = next->first;
    if (Clock::now() < time) {
      changed_.wait_until(lock, time);
      continue;
    }
    {
      Task task = std::move(next->second);
      tasks_.erase(next);
      lock.unlock();
      std::move(task)();
    }  // `task` is destroyed without the lock
    lock.lock();
  }
}

}  // namespace postern::net
