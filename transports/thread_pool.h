// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Threads for what blocks: disks, queue programs, password checkers.

#ifndef POSTERN_TRANSPORTS_THREAD_POOL_H_
#define POSTERN_TRANSPORTS_THREAD_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

namespace postern::transports {

// Thread-safe, but for Start() and the destructor.
class ThreadPool {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  ThreadPool() = default;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  // Runs what is queued, and what that adds, to its end; then ends the threads.
  ~ThreadPool();

  // Starts `threads` of them. An error: the system has no more.
  absl::Status Start(int threads);

  // Has `task` run on one of the threads. In the order of the calls tasks are
  // begun, but side by side.
  void Run(Task task);

  // Tasks that wait for a thread now.
  size_t queued() const;
  // Threads that have one now.
  size_t running() const;

 private:
  void Work();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;  // guarded by mutex_
  size_t running_ = 0;      // guarded by mutex_
  bool over_ = false;       // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_THREAD_POOL_H_
