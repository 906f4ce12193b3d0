// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/guarded_authenticator.h"

#include <optional>
#include <string>
#include <variant>

#include "auth/refusal.h"
#include "log/log.h"
#include "log/log_line.h"

namespace postern::service {
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

  // If the client disconnects, the log still shows what it has learned.
  ~GuardedExchange() override {
    if (!begun_ || over_) return;
    if (proved_) Failed();
    Conclude(proved_ ? AuthOutcome::kUnconfirmed : AuthOutcome::kCancelled,
             user_);
  }

  void Start(std::optional<std::string> initial_response, Done done) override {
    begun_ = true;
    // `done` keeps this object alive, here and below.
    Ask(
        [this](auto later) {
          return guard_->limits->Begin(session_->remote_address, guard_->now(),
                                       later);
        },
        [this, initial = std::move(initial_response),
         done = std::move(done)](bool may) mutable {
          if (!may) {
            Conclude(AuthOutcome::kLimit, "");
            return Delay(TooManyFailures(), std::move(done));
          }
          exchange_->Start(std::move(initial), Watched(std::move(done)));
        });
  }

  void Respond(std::string response, Done done) override {
    exchange_->Respond(std::move(response), Watched(std::move(done)));
  }

  absl::string_view user() const override { return exchange_->user(); }
  absl::string_view requested_identity() const override {
    return exchange_->requested_identity();
  }

 private:
  using Reveals = AuthChallenge::Reveals;
  using Answered = policy::AttemptCounter::Done;

  // Calls `answered` with the answer of the limits to `question`, which gets
  // their `later`.
  template <typename Question>
  static void Ask(Question question, Answered answered) {
    const std::optional<bool> answer =
        question([&answered]() -> Answered { return std::move(answered); });
    if (answer) std::move(answered)(*answer);
  }

  Done Watched(Done done) {
    return [this, done = std::move(done)](AuthAnswer answer) mutable {
      user_ = std::string(exchange_->user());
      requested_ = std::string(exchange_->requested_identity());
      // The exchange was concluded at an earlier challenge.
      if (over_) return std::move(done)(std::move(answer));
      if (auto* granted = std::get_if<AuthGranted>(&answer)) {
        return Grant(std::move(*granted), std::move(done));
      }
      if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
        const Reveals reveals = challenge->reveals;
        return PassChallenge(reveals, std::move(answer), std::move(done));
      }
      Refused(std::get<Verdict>(answer));
      Delay(std::move(answer), std::move(done));
    };
  }

  void Grant(AuthGranted granted, Done done) {
    Ask(
        [this](auto later) {
          return guard_->limits->Succeeded(session_->remote_address, UserKey(),
                                           guard_->now(), later);
        },
        [this, granted = std::move(granted),
         done = std::move(done)](bool may) mutable {
          if (!may) return DenyUser(std::move(done));
          Conclude(AuthOutcome::kSuccess, granted.identity);
          std::move(done)(std::move(granted));
        });
  }

  void PassChallenge(Reveals reveals, AuthAnswer answer, Done done) {
    auto pass = [this, reveals, answer = std::move(answer),
                 done = std::move(done)](bool may) mutable {
      if (!may) return DenyUser(std::move(done));
      if (reveals == Reveals::kWrong) {
        Failed();
        Conclude(AuthOutcome::kFailure, user_);
        return Delay(std::move(answer), std::move(done));
      }
      proved_ = proved_ || reveals == Reveals::kRight;
      std::move(done)(std::move(answer));
    };
    if (user_.empty()) return pass(true);
    // This check comes before the client learns that its guess is right.
    Ask(
        [this](auto later) {
          return guard_->limits->MayTry(session_->remote_address, UserKey(),
                                        guard_->now(), later);
        },
        std::move(pass));
  }

  void Refused(const Verdict& verdict) {
    const int code = verdict.reply() ? verdict.reply()->code : 0;
    if (proved_) {
      Failed();
      Conclude(AuthOutcome::kUnconfirmed, user_);
    } else if (code == 535) {
      Failed();
      Conclude(AuthOutcome::kFailure, user_);
    } else {
      // Not a failure for the user. Begin() has counted it for the client.
      Conclude(code == 501 ? AuthOutcome::kMalformed : AuthOutcome::kOutage,
               user_);
    }
  }

  // The client has failed too often for this user.
  void DenyUser(Done done) {
    Conclude(AuthOutcome::kLimit, user_);
    Delay(auth::WrongCredentials(), std::move(done));
  }

  void Delay(AuthAnswer answer, Done done) {
    guard_->after(guard_->delay, [answer = std::move(answer),
                                  done = std::move(done)]() mutable {
      std::move(done)(std::move(answer));
    });
  }

  std::string UserKey() const {
    return guard_->user_key ? guard_->user_key(mechanism_, user_) : user_;
  }

  void Failed() {
    guard_->limits->Failed(session_->remote_address, UserKey(), guard_->now());
  }

  void Conclude(AuthOutcome outcome, absl::string_view user) {
    over_ = true;
    log::LogLine line("auth", log::LineStyle(), {session_->session_id});
    line.Word("result", AuthOutcomeName(outcome))
        .Ip("ip", session_->remote_address)
        .Word("mechanism", mechanism_);
    if (!user.empty()) line.Text("user", user, log::kMaxLoggedName);
    if (!requested_.empty() && requested_ != user_) {
      line.Text("authzid", requested_, log::kMaxLoggedName);
    }
    log::WriteLog(line);
    if (guard_->count) guard_->count(mechanism_, outcome);
  }

  const std::unique_ptr<AuthExchange> exchange_;
  const std::shared_ptr<const Guard> guard_;
  const std::string mechanism_;
  const SharedSessionInfo session_;
  bool begun_ = false;   // Start() was called
  bool over_ = false;    // logged and counted
  bool proved_ = false;  // the client has learned that its guess is right
  // Copies from exchange_ after its last answer, because the exchange must not
  // be called while an answer is pending.
  std::string user_;
  std::string requested_;
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

}  // namespace postern::service
