// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A thread that waits for children that were left running: see LeftChildren.

#ifndef POSTERN_SYSTEM_CHILD_REAPER_H_
#define POSTERN_SYSTEM_CHILD_REAPER_H_

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "system/child_process.h"

namespace postern::system {

// The LeftChildren of this process, from construction to destruction. At most
// one object may exist at a time.
//
// It checks five times a second whether a child has ended, on a thread that
// starts when the first child is left. The destructor does not wait for
// children. Those that still run pass to the process that inherits them.
class ChildReaper : public LeftChildren {
 public:
  ChildReaper();
  ChildReaper(const ChildReaper&) = delete;
  ChildReaper& operator=(const ChildReaper&) = delete;
  ~ChildReaper() override;

  void Take(pid_t pid,
            std::function<void(ChildProcess::Result)> ended) override;

 private:
  using Child = std::pair<pid_t, std::function<void(ChildProcess::Result)>>;

  void Work();

  std::mutex mutex_;
  std::condition_variable over_changed_;
  std::vector<Child> children_;  // guarded by mutex_
  bool over_ = false;            // guarded by mutex_
  std::thread thread_;           // guarded by mutex_ until the end
};

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_CHILD_REAPER_H_
