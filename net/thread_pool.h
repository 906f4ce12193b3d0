// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Threads for what blocks: disks, queue programs, password checkers.

#ifndef POSTERN_NET_THREAD_POOL_H_
#define POSTERN_NET_THREAD_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::net {

// Thread-safe, but for Start() and the destructor.
class ThreadPool {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  ThreadPool() = default;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  // Runs what is queued, and what that adds, to its end; then ends the threads.
  ~ThreadPool();

  // Starts the first of up to `threads` threads; the others are started when
  // there are tasks for them, by the threads that call Run(), and stay. They
  // are named `name` and a number. An error: the system has no more.
  absl::Status Start(int threads, absl::string_view name);

  // Has `task` run on one of the threads. Tasks are begun in the order of the
  // calls, and run at the same time. Where the system has no further thread
  // they wait for those that there are.
  void Run(Task task);

  // Tasks that wait for a thread now.
  size_t queued() const;
  // Threads that have one now.
  size_t running() const;
  // Threads so far.
  size_t threads() const;

 private:
  // Under mutex_. May throw std::system_error.
  void Add();
  void Work(const std::string& name);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;  // guarded by mutex_
  size_t running_ = 0;      // guarded by mutex_
  bool over_ = false;       // guarded by mutex_
  size_t most_ = 0;
  std::string name_;
  std::vector<std::thread> threads_;  // guarded by mutex_, until it is over
};

}  // namespace postern::net

#endif  // POSTERN_NET_THREAD_POOL_H_
