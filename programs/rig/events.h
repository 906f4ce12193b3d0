// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Carries events from the threads on which they happen to the thread that sends
// them to the HTTP clients.

#ifndef POSTERN_PROGRAMS_RIG_EVENTS_H_
#define POSTERN_PROGRAMS_RIG_EVENTS_H_

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "rig/message.h"
#include "system/descriptor.h"

namespace postern::programs {

// Thread-safe. Many changes of one message, of one session or of the faults
// become one event if no Take() is between them.
class Events {
 public:
  struct Batch {
    std::vector<std::string> added;             // ids of messages
    std::set<std::string> changed;              // ids: is read, has tags
    std::vector<std::string> removed;           // ids of messages
    std::map<int, rig::SessionFacts> sessions;  // by number
    bool faults = false;
    bool any() const { return messages() || !sessions.empty() || faults; }
    bool messages() const {
      return !added.empty() || !changed.empty() || !removed.empty();
    }
  };

  // kResourceExhausted: there are no more descriptors.
  static absl::StatusOr<std::unique_ptr<Events>> Make();

  void Added(std::string id);
  void Changed(const std::vector<std::string>& ids);
  void Removed(const std::vector<std::string>& ids);
  void Session(const rig::SessionFacts& facts);
  void Faults();

  // Readable when there is something to take.
  int descriptor() const { return descriptor_.get(); }
  Batch Take();

 private:
  explicit Events(system::Descriptor descriptor)
      : descriptor_(std::move(descriptor)) {}
  void Signal();

  const system::Descriptor descriptor_;
  std::mutex mutex_;
  Batch batch_;  // guarded by mutex_
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_EVENTS_H_
