// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/thread_pool.h"

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace postern::transports {

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

absl::Status ThreadPool::Start(int threads) {
  try {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { Work(); });
    }
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start a thread: ", error.what()));
  }
  return absl::OkStatus();
}

void ThreadPool::Run(Task task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

size_t ThreadPool::queued() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return tasks_.size();
}

size_t ThreadPool::running() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return running_;
}

void ThreadPool::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    // One that runs may add another.
    changed_.wait(
        lock, [this] { return !tasks_.empty() || (over_ && running_ == 0); });
    if (tasks_.empty()) return;
    {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      ++running_;
      lock.unlock();
      std::move(task)();
    }  // what it holds goes while others may take the lock
    lock.lock();
    if (--running_ == 0 && over_) changed_.notify_all();
  }
}

}  // namespace postern::transports
