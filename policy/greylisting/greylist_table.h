// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the check of greylisting needs from a table.

#ifndef POSTERN_POLICY_GREYLISTING_GREYLIST_TABLE_H_
#define POSTERN_POLICY_GREYLISTING_GREYLIST_TABLE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/greylisting/greylist_key.h"

namespace postern::policy {

// Thread-safe.
class GreylistTable {
 public:
  virtual ~GreylistTable() = default;

  // Records an attempt, and returns how long the client has to wait before the
  // next one: zero if this attempt may pass. An error means that the table
  // cannot answer now; then nothing is known about the attempt. May block.
  virtual absl::StatusOr<absl::Duration> Attempt(const GreylistKey& key) = 0;

  // Records an attempt that another table lets pass, as if this one had. May
  // block. The default records nothing.
  virtual absl::Status Pass(const GreylistKey& key) {
    (void)key;
    return absl::OkStatus();
  }
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_GREYLISTING_GREYLIST_TABLE_H_
