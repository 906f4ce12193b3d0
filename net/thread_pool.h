// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Threads for tasks that may block: disks, queue programs, password checkers.

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

// Thread-safe, except Start() and the destructor.
class ThreadPool {
 public:
  // Something that runs once, on a thread of the pool.
  using Task = absl::AnyInvocable<void() &&>;

  ThreadPool() = default;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  // Runs all queued tasks, and the tasks that these add. Then ends the threads.
  ~ThreadPool();

  // Starts the first of at most `threads` threads, named `name` and a number.
  // Run() starts the others when there are tasks for them. No thread ends
  // before the destructor. Returns the error of system::StartThread() if the
  // first does not start.
  absl::Status Start(int threads, absl::string_view name);

  // Runs `task` on one of the threads. Tasks start in the order of the calls
  // and run concurrently. If the system has no further thread, the tasks wait
  // for the existing ones.
  void Run(Task task);

  // The number of tasks that wait for a thread.
  size_t queued() const;
  // The number of threads that run a task.
  size_t running() const;
  // The number of threads that were started.
  size_t threads() const;

 private:
  // Starts a thread. mutex_ must be held.
  absl::Status Add();
  void Work();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;  // guarded by mutex_
  size_t running_ = 0;      // guarded by mutex_
  bool over_ = false;       // guarded by mutex_
  size_t most_ = 0;
  std::string name_;
  std::vector<std::thread> threads_;  // guarded by mutex_ until over_
};

}  // namespace postern::net

#endif  // POSTERN_NET_THREAD_POOL_H_
