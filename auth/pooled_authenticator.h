// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a blocking Authenticator on a thread pool.

#ifndef POSTERN_AUTH_POOLED_AUTHENTICATOR_H_
#define POSTERN_AUTH_POOLED_AUTHENTICATOR_H_

#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "engine/authenticator.h"
#include "system/run.h"

namespace postern::auth {

// Runs each call of `authenticator` and of its exchanges as a task of `run`,
// which runs the task on another thread and returns at once. The calls of one
// exchange do not overlap. Thread-safe if `run` and `authenticator` are. The
// threads must outlive all exchanges.
class PooledAuthenticator : public Authenticator {
 public:
  PooledAuthenticator(std::shared_ptr<Authenticator> authenticator,
                      system::Run run)
      : authenticator_(std::move(authenticator)), run_(std::move(run)) {}

  // Never returns null. If the exchange cannot begin, its Start() answers
  // Outage().
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  const std::shared_ptr<Authenticator> authenticator_;
  const system::Run run_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_POOLED_AUTHENTICATOR_H_
