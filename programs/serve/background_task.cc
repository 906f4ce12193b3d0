// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/background_task.h"

#include <new>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "log/log.h"
#include "system/thread.h"

namespace postern::programs {
namespace {

void WarnOfMemory(absl::string_view name) {
  try {
    log::WriteLog("warning", absl::StrCat(name,
                                          ": out of memory, so this did not "
                                          "complete"));
  } catch (const std::bad_alloc&) {
    // The line needs memory, too.
  }
}

}  // namespace

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
    try {
      task_();
    } catch (const std::bad_alloc&) {
      WarnOfMemory(name_);
    }
  }
}

}  // namespace postern::programs
