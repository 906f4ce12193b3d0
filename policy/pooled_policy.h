// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Policy that blocks, for those who may not wait.

#ifndef POSTERN_POLICY_POOLED_POLICY_H_
#define POSTERN_POLICY_POOLED_POLICY_H_

#include <memory>
#include <utility>

#include "engine/policy.h"
#include "system/run.h"

namespace postern::policy {

// Has `policy` decide on the threads of `run`, which runs a task on another
// thread, soon, and returns at once. Thread-safe, if `run` and `policy` are.
// The threads must outlive the open decisions.
class PooledPolicy : public Policy {
 public:
  PooledPolicy(std::shared_ptr<Policy> policy, system::Run run)
      : policy_(std::move(policy)), run_(std::move(run)) {}

  void Decide(const Ask& ask, const SharedSessionInfo& session,
              Done done) override {
    run_([policy = policy_, ask, session, done = std::move(done)]() mutable {
      policy->Decide(ask, session, std::move(done));
    });
  }

 private:
  const std::shared_ptr<Policy> policy_;
  const system::Run run_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_POOLED_POLICY_H_
