// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/events.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "absl/status/status.h"

namespace postern::programs {

absl::StatusOr<std::unique_ptr<Events>> Events::Make() {
  system::Descriptor descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (descriptor.get() < 0) return absl::ErrnoToStatus(errno, "eventfd");
  return std::unique_ptr<Events>(new Events(std::move(descriptor)));
}

void Events::Signal() {
  const uint64_t one = 1;
  // Fails only if the counter is full, and then the descriptor is readable.
  (void)!write(descriptor_.get(), &one, sizeof one);
}

void Events::Added(std::string id) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    batch_.added.push_back(std::move(id));
  }
  Signal();
}

void Events::Changed(const std::vector<std::string>& ids) {
  if (ids.empty()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    batch_.changed.insert(ids.begin(), ids.end());
  }
  Signal();
}

void Events::Removed(const std::vector<std::string>& ids) {
  if (ids.empty()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    batch_.removed.insert(batch_.removed.end(), ids.begin(), ids.end());
  }
  Signal();
}

void Events::Session(const rig::SessionFacts& facts) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    batch_.sessions[facts.number] = facts;
  }
  Signal();
}

void Events::Faults() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    batch_.faults = true;
  }
  Signal();
}

Events::Batch Events::Take() {
  uint64_t count = 0;
  (void)!read(descriptor_.get(), &count, sizeof count);
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(batch_, {});
}

}  // namespace postern::programs
