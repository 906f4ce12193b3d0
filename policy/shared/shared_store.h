// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface SharedStore: the state that several servers have in common.

#ifndef POSTERN_POLICY_SHARED_SHARED_STORE_H_
#define POSTERN_POLICY_SHARED_SHARED_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::policy {

// One atomic change of the store, and the question that it answers.
struct SharedQuestion {
  // In the language of the store: Lua, as Redis runs it. It returns an array of
  // integers. Static storage.
  absl::string_view script;
  std::vector<std::string> keys;       // KEYS, without the store's prefix
  std::vector<std::string> arguments;  // ARGV
};

// Thread-safe.
class SharedStore {
 public:
  using Numbers = std::vector<int64_t>;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Numbers>) &&>;

  virtual ~SharedStore() = default;

  // Returns whether the store worked when it was last used. Does not block.
  virtual bool works() const = 0;

  // Asks `question`. Calls `done` exactly once and within a limited time: on a
  // thread of the store, or on this thread before Ask() returns if the store
  // does not work. `done` must not block. An error means that it is unknown
  // whether the change was made.
  virtual void Ask(SharedQuestion question, Done done) = 0;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_SHARED_STORE_H_
