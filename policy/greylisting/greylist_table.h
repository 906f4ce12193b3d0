// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the check of greylisting needs from a table.

#ifndef POSTERN_POLICY_GREYLISTING_GREYLIST_TABLE_H_
#define POSTERN_POLICY_GREYLISTING_GREYLIST_TABLE_H_

#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/greylisting/greylist_key.h"
#include "system/run.h"

namespace postern::policy {

// Thread-safe.
class GreylistTable {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<absl::Duration>) &&>;

  virtual ~GreylistTable() = default;

  // Records an attempt, and returns how long the client has to wait before the
  // next one: zero if this attempt may pass. An error means that the table
  // cannot answer now; then nothing is known about the attempt. May block.
  virtual absl::StatusOr<absl::Duration> Attempt(const GreylistKey& key) = 0;

  // The same without blocking: work that blocks runs on a thread of `run`, and
  // so does `done`. While a table waits for another server, it needs no thread.
  // The table must exist until then.
  virtual void AttemptLater(const GreylistKey& key, const system::Run& run,
                            Done done) {
    run([this, key, done = std::move(done)]() mutable {
      std::move(done)(Attempt(key));
    });
  }

  // Records an attempt that another table lets pass, as if this one had. May
  // block. The default records nothing.
  virtual absl::Status Pass(const GreylistKey& key) {
    (void)key;
    return absl::OkStatus();
  }
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_GREYLISTING_GREYLIST_TABLE_H_
