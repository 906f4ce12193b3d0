// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The ServiceSnapshot for new sessions.

#ifndef POSTERN_PROGRAMS_SERVE_CURRENT_SNAPSHOT_H_
#define POSTERN_PROGRAMS_SERVE_CURRENT_SNAPSHOT_H_

#include <memory>
#include <mutex>
#include <utility>

namespace postern::programs {

struct ServiceSnapshot;

// SIGHUP replaces the snapshot on another thread while sessions begin.
// Thread-safe.
class CurrentSnapshot {
 public:
  explicit CurrentSnapshot(std::shared_ptr<const ServiceSnapshot> snapshot)
      : snapshot_(std::move(snapshot)) {}

  std::shared_ptr<const ServiceSnapshot> Get() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return snapshot_;
  }

  void Replace(std::shared_ptr<const ServiceSnapshot> snapshot) {
    const std::lock_guard<std::mutex> lock(mutex_);
    snapshot_.swap(snapshot);
  }  // the old snapshot may be destroyed here, after the lock is released

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ServiceSnapshot> snapshot_;  // guarded by mutex_
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_CURRENT_SNAPSHOT_H_
