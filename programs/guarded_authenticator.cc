// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/guarded_authenticator.h"

#include <optional>
#include <string>
#include <variant>

#include "auth/refusal.h"
#include "policy/log_line.h"
#include "programs/log.h"

namespace postern::programs {
namespace {

using Guard = GuardedAuthenticator::Guard;

Verdict TooManyFailures() {
  return Verdict::Refuse(
      {454, {4, 7, 0}, "too many failures, try again later (#4.7.0)"});
}

class GuardedExchange : public AuthExchange {
 public:
  GuardedExchange(std::unique_ptr<AuthExchange> exchange,
                  std::shared_ptr<const Guard> guard,
                  absl::string_view mechanism, const SharedSessionInfo& session)
      : exchange_(std::move(exchange)),
        guard_(std::move(guard)),
        mechanism_(mechanism),
        session_(session) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    if (!guard_->limits->Begin(session_->remote_address, guard_->now())) {
      Conclude(AuthOutcome::kLimit, "");
      return Delay(TooManyFailures(), std::move(done));
    }
    exchange_->Start(std::move(initial_response), Watched(std::move(done)));
  }

  void Respond(std::string response, Done done) override {
    exchange_->Respond(std::move(response), Watched(std::move(done)));
  }

  absl::string_view user() const override { return exchange_->user(); }

 private:
  Done Watched(Done done) {
    // `done` keeps this.
    return [this, done = std::move(done)](AuthMove move) mutable {
      Pass(std::move(move), std::move(done));
    };
  }

  void Pass(AuthMove move, Done done) {
    const std::string& address = session_->remote_address;
    const std::string user(exchange_->user());
    if (const auto* granted = std::get_if<AuthGranted>(&move)) {
      if (!guard_->limits->Succeeded(address, user, guard_->now())) {
        return DenyUser(user, std::move(done));
      }
      Conclude(AuthOutcome::kSuccess, granted->identity);
    } else if (std::holds_alternative<AuthChallenge>(move)) {
      // The last challenge of SCRAM and DIGEST-MD5 says that the guess was
      // right.
      if (!user.empty() &&
          !guard_->limits->MayTry(address, user, guard_->now())) {
        return DenyUser(user, std::move(done));
      }
    } else if (const auto* verdict = std::get_if<Verdict>(&move)) {
      const int code = verdict->reply() ? verdict->reply()->code : 0;
      if (code == 535) {
        guard_->limits->Failed(address, user, guard_->now());
        Conclude(AuthOutcome::kFailure, user);
        return Delay(std::move(move), std::move(done));
      }
      if (code == 501) {
        Conclude(AuthOutcome::kMalformed, user);
      } else {
        guard_->limits->Undecided(address);
        Conclude(AuthOutcome::kError, user);
      }
    }
    std::move(done)(std::move(move));
  }

  // Of a user that the client has guessed at too often.
  void DenyUser(absl::string_view user, Done done) {
    Conclude(AuthOutcome::kLimit, user);
    Delay(auth::WrongCredentials(), std::move(done));
  }

  void Delay(AuthMove move, Done done) {
    guard_->after(guard_->delay,
                  [move = std::move(move), done = std::move(done)]() mutable {
                    std::move(done)(std::move(move));
                  });
  }

  void Conclude(AuthOutcome outcome, absl::string_view user) {
    policy::LogLine line("auth", LineStyle());
    line.Word("result", AuthOutcomeName(outcome))
        .Text("ip", session_->remote_address, policy::kMaxLoggedName)
        .Word("mechanism", mechanism_);
    if (!user.empty()) line.Text("user", user, policy::kMaxLoggedName);
    WriteLog(line);
    if (guard_->count) guard_->count(mechanism_, outcome);
  }

  const std::unique_ptr<AuthExchange> exchange_;
  const std::shared_ptr<const Guard> guard_;
  const std::string mechanism_;
  const SharedSessionInfo session_;
};

}  // namespace

GuardedAuthenticator::GuardedAuthenticator(
    std::shared_ptr<Authenticator> authenticator, Guard guard)
    : authenticator_(std::move(authenticator)),
      guard_(std::make_shared<const Guard>(std::move(guard))) {}

std::unique_ptr<AuthExchange> GuardedAuthenticator::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  std::unique_ptr<AuthExchange> exchange =
      authenticator_->Begin(mechanism, session);
  if (exchange == nullptr) return nullptr;
  return std::make_unique<GuardedExchange>(std::move(exchange), guard_,
                                           mechanism, session);
}

}  // namespace postern::programs
