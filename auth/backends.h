// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Combines several backends.

#ifndef POSTERN_AUTH_BACKENDS_H_
#define POSTERN_AUTH_BACKENDS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"

namespace postern::auth {

// Serves each mechanism with the backend that has it. Immutable and
// thread-safe.
class Backends : public Backend {
 public:
  // Returns an error if two of `backends` have the same mechanism. The users of
  // one would then be unknown to the other, and the client could not choose.
  static absl::StatusOr<std::shared_ptr<Backends>> Make(
      std::vector<std::shared_ptr<Backend>> backends);

  std::vector<Mechanism> mechanisms() const override { return mechanisms_; }
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  Backends() = default;

  std::vector<Mechanism> mechanisms_;
  absl::flat_hash_map<std::string, std::shared_ptr<Backend>> by_name_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_BACKENDS_H_
