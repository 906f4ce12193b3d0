// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Site that new sessions are served with.

#ifndef POSTERN_PROGRAMS_SERVE_CURRENT_SITE_H_
#define POSTERN_PROGRAMS_SERVE_CURRENT_SITE_H_

#include <memory>
#include <mutex>
#include <utility>

namespace postern::programs {

struct Site;

// SIGHUP replaces it, on the main thread, while sessions begin on others.
// Thread-safe.
class CurrentSite {
 public:
  explicit CurrentSite(std::shared_ptr<const Site> site)
      : site_(std::move(site)) {}

  std::shared_ptr<const Site> Get() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return site_;
  }

  void Replace(std::shared_ptr<const Site> site) {
    const std::lock_guard<std::mutex> lock(mutex_);
    site_.swap(site);
  }  // the site of before may end here, after the lock

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Site> site_;  // guarded by mutex_
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_CURRENT_SITE_H_
