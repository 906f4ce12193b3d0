// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/bounded_run.h"

#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace postern::system {
namespace {

using Task = absl::AnyInvocable<void() &&>;

class Bound : public std::enable_shared_from_this<Bound> {
 public:
  Bound(Run run, size_t at_once) : run_(std::move(run)), at_once_(at_once) {}

  void Add(Task task) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (running_ == at_once_) {
        waiting_.push_back(std::move(task));
        return;
      }
      ++running_;
    }
    Start(std::move(task));
  }

 private:
  void Start(Task task) {
    run_([self = shared_from_this(), task = std::move(task)]() mutable {
      std::move(task)();
      self->Next();
    });
  }

  // A task has ended. The next one is passed to `run_`, so that tasks of other
  // kinds that came earlier get this thread first.
  void Next() {
    Task next;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (waiting_.empty()) {
        --running_;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Start(std::move(next));
  }

  const Run run_;
  const size_t at_once_;
  std::mutex mutex_;
  size_t running_ = 0;        // guarded by mutex_
  std::deque<Task> waiting_;  // guarded by mutex_
};

}  // namespace

Run BoundedRun(Run run, size_t at_once) {
  if (!run) return nullptr;
  return [bound = std::make_shared<Bound>(std::move(run), at_once)](Task task) {
    bound->Add(std::move(task));
  };
}

}  // namespace postern::system
