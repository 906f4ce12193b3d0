// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/pooled_authenticator.h"

#include <optional>
#include <string>

#include "auth/refusal.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

// Shared by an exchange and its tasks. The answer may destroy the exchange
// while the task that gave it still runs.
struct Work {
  std::shared_ptr<Authenticator> authenticator;
  std::string mechanism;
  SharedSessionInfo session;
  std::unique_ptr<AuthExchange> exchange;
};

class PooledExchange : public AuthExchange {
 public:
  PooledExchange(std::shared_ptr<Work> work, system::Run run)
      : work_(std::move(work)), run_(std::move(run)) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    const bool has = initial_response.has_value();
    Secret response(has ? *std::move(initial_response) : std::string());
    run_([work = work_, has, response = std::move(response),
          done = std::move(done)]() mutable {
      work->exchange =
          work->authenticator->Begin(work->mechanism, work->session);
      if (work->exchange == nullptr) return std::move(done)(Outage());
      std::optional<std::string> initial;
      if (has) initial.emplace(response.text());
      work->exchange->Start(std::move(initial), std::move(done));
    });
  }

  void Respond(std::string response, Done done) override {
    run_([work = work_, response = Secret(std::move(response)),
          done = std::move(done)]() mutable {
      work->exchange->Respond(response.text(), std::move(done));
    });
  }

  absl::string_view user() const override {
    return work_->exchange == nullptr ? "" : work_->exchange->user();
  }
  absl::string_view requested_identity() const override {
    return work_->exchange == nullptr ? ""
                                      : work_->exchange->requested_identity();
  }

 private:
  const std::shared_ptr<Work> work_;
  const system::Run run_;
};

}  // namespace

std::unique_ptr<AuthExchange> PooledAuthenticator::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  return std::make_unique<PooledExchange>(
      std::make_shared<Work>(
          Work{authenticator_, std::string(mechanism), session, nullptr}),
      run_);
}

}  // namespace postern::auth
