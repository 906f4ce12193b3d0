// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Waits for children that run on: see LeftChildren.

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

// Is the process's LeftChildren from its beginning to its end; one at a time.
// Looks for the end of each child five times a second, on a thread that it has
// only after a first child was left. Its own end waits for no child: those that
// still run are left to the process that inherits them.
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
