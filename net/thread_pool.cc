// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/thread_pool.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "system/thread.h"

namespace postern::net {

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

absl::Status ThreadPool::Start(int threads, absl::string_view name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  most_ = static_cast<size_t>(threads);
  name_ = std::string(name);
  return Add();
}

absl::Status ThreadPool::Add() {
  absl::StatusOr<std::thread> thread = system::StartThread(
      absl::StrCat(name_, " ", threads_.size()), [this] { Work(); });
  if (!thread.ok()) return thread.status();
  threads_.push_back(*std::move(thread));
  return absl::OkStatus();
}

void ThreadPool::Run(Task task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
    // Each idle thread takes one task, so a new thread is needed only if there
    // are more tasks than idle threads. In the destructor no thread may be
    // added, because it joins them.
    if (running_ + tasks_.size() > threads_.size() && threads_.size() < most_ &&
        !over_ && !Add().ok()) {
      most_ = threads_.size();  // do without more threads
    }
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

size_t ThreadPool::threads() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return threads_.size();
}

void ThreadPool::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    // A task that runs may still add another task.
    changed_.wait(
        lock, [this] { return !tasks_.empty() || (over_ && running_ == 0); });
    if (tasks_.empty()) return;
    {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      ++running_;
      lock.unlock();
      std::move(task)();
    }  // `task` is destroyed without the lock
    lock.lock();
    if (--running_ == 0 && over_) changed_.notify_all();
  }
}

}  // namespace postern::net
