// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/background_task.h"

#include "absl/status/statusor.h"
#include "system/thread.h"

namespace postern::programs {

BackgroundTask::~BackgroundTask() {
  if (thread_.joinable()) thread_.join();
}

absl::Status BackgroundTask::Request() {
  const std::lock_guard<std::mutex> lock(mutex_);
  requested_ = true;
  if (running_) return absl::OkStatus();
  // The thread has seen that there is no request, and is about to end.
  if (thread_.joinable()) thread_.join();
  absl::StatusOr<std::thread> thread =
      system::StartThread(name_, [this] { Work(); });
  if (!thread.ok()) {
    requested_ = false;
    return thread.status();
  }
  thread_ = *std::move(thread);
  running_ = true;
  return absl::OkStatus();
}

bool BackgroundTask::running() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return running_;
}

void BackgroundTask::Work() {
  while (true) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!requested_) {
        running_ = false;
        return;
      }
      requested_ = false;
    }
    task_();
  }
}

}  // namespace postern::programs
