// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/child_reaper.h"

#include <chrono>

#include "absl/status/statusor.h"
#include "system/thread.h"

namespace postern::system {
namespace {

// Each of these children has already exceeded its timeout, so speed does not
// matter.
constexpr std::chrono::milliseconds kTick{200};

}  // namespace

ChildReaper::ChildReaper() { SetLeftChildren(this); }

ChildReaper::~ChildReaper() {
  SetLeftChildren(nullptr);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  over_changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ChildReaper::Take(pid_t pid,
                       std::function<void(ChildProcess::Result)> ended) {
  const std::lock_guard<std::mutex> lock(mutex_);
  children_.emplace_back(pid, std::move(ended));
  if (thread_.joinable()) return;
  absl::StatusOr<std::thread> thread =
      StartThread("reaper", [this] { Work(); });
  // If it does not start, the next child that is left tries again.
  if (thread.ok()) thread_ = *std::move(thread);
}

void ChildReaper::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!over_) {
    std::vector<std::pair<Child, ChildProcess::Result>> ended;
    for (size_t i = 0; i < children_.size();) {
      const auto result = ReapLeft(children_[i].first);
      if (!result) {
        ++i;
        continue;
      }
      ended.emplace_back(std::move(children_[i]), *result);
      children_.erase(children_.begin() + static_cast<ptrdiff_t>(i));
    }
    lock.unlock();
    for (const auto& [child, result] : ended) {
      if (child.second) child.second(result);
    }
    lock.lock();
    over_changed_.wait_for(lock, kTick, [this] { return over_; });
  }
}

}  // namespace postern::system
