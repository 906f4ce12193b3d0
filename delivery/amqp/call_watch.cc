// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/call_watch.h"

#include "absl/status/statusor.h"
#include "system/thread.h"

namespace postern::delivery {

CallWatch::~CallWatch() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status CallWatch::Start() {
  auto thread = system::StartThread("amqp watch", [this] { Watch(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void CallWatch::Begin() {
  const std::lock_guard<std::mutex> lock(mutex_);
  since_ = Clock::now();
}

void CallWatch::End() {
  const std::lock_guard<std::mutex> lock(mutex_);
  since_.reset();
}

void CallWatch::Watch() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    // Calls begin often, so they do not wake this thread.
    changed_.wait_for(lock, options_.interval, [this] { return stopping_; });
    if (stopping_ || !since_) continue;
    const auto taken = Clock::now() - *since_;
    if (taken < options_.interval) continue;
    bool over = taken >= options_.patience;
    if (!over && options_.ended) {
      lock.unlock();
      over = options_.ended();
      lock.lock();
    }
    // Without a call, the owner of the connection decides.
    if (over && since_) connection_.Abort();
  }
}

}  // namespace postern::delivery
