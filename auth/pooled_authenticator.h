// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An Authenticator that blocks, for those who may not wait.

#ifndef POSTERN_AUTH_POOLED_AUTHENTICATOR_H_
#define POSTERN_AUTH_POOLED_AUTHENTICATOR_H_

#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "engine/authenticator.h"
#include "system/run.h"

namespace postern::auth {

// Has `authenticator` make every move on the threads of `run`, which runs a
// task on another thread, soon, and returns at once. An exchange works on one
// thread at a time. Thread-safe, if `run` and `authenticator` are; the threads
// must outlive the open exchanges.
class PooledAuthenticator : public Authenticator {
 public:
  PooledAuthenticator(std::shared_ptr<Authenticator> authenticator,
                      system::Run run)
      : authenticator_(std::move(authenticator)), run_(std::move(run)) {}

  // Never null: an exchange that cannot be begun says so in its first move.
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  const std::shared_ptr<Authenticator> authenticator_;
  const system::Run run_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_POOLED_AUTHENTICATOR_H_
