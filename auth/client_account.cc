// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/client_account.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "auth/client_mechanisms.h"
#include "auth/digest.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

// A token is renewed before its end, so that it does not end on its way.
constexpr absl::Duration kEarlier = absl::Seconds(60);

class Account : public ClientAccount,
                public std::enable_shared_from_this<Account> {
 public:
  explicit Account(ClientAccountOptions options)
      : options_(std::move(options)),
        version_(VersionOf(options_.credentials)) {}

  void Begin(const std::vector<std::string>& offered, Begun done) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back({offered, std::move(done)});
    }
    Serve();
  }

  std::string version() const override { return version_; }

 private:
  static std::string VersionOf(const ClientCredentials& own) {
    const std::string nul(1, '\0');
    const Secret all(absl::StrCat(own.user, nul, own.password, nul,
                                  own.mechanism, nul,
                                  absl::StrJoin(own.token_command, nul)));
    return Sha256(all.text());
  }

  // A copy that an exchange keeps, because the account may get a new token.
  struct Token {
    Secret text;
    absl::Time end;
    bool used = false;  // the server has accepted it
  };
  struct Waiting {
    std::vector<std::string> offered;
    Begun done;
  };
  using Answer =
      std::pair<Begun, absl::StatusOr<std::unique_ptr<ClientExchange>>>;

  enum class End { kAccepted, kRefused, kUnknown };

  class Exchange : public ClientExchange {
   public:
    Exchange(std::shared_ptr<Account> account, const ClientMechanismRow& row,
             std::shared_ptr<Token> token, bool alone)
        : account_(std::move(account)),
          name_(row.name),
          token_(std::move(token)),
          alone_(alone),
          mechanism_(
              row.make({.user = account_->options_.credentials.user,
                        .secret = token_ == nullptr
                                      ? account_->options_.credentials.password
                                      : token_->text.text(),
                        .salted = &account_->salted_,
                        .nonce = nullptr})) {}
    ~Exchange() override { Report(End::kUnknown); }

    absl::string_view mechanism() const override { return name_; }
    std::optional<std::string> Start() override { return mechanism_->Start(); }
    std::optional<std::string> Respond(absl::string_view challenge) override {
      return mechanism_->Respond(challenge);
    }
    bool Accepted() override {
      const bool proved = mechanism_->proved();
      if (!proved && mechanism_->error().empty()) {
        unproved_ = "the server has not proved that it knows the password";
      }
      Report(proved ? End::kAccepted : End::kUnknown);
      return proved;
    }
    bool Refused() override { return Report(End::kRefused); }
    std::string error() const override {
      return unproved_.empty() ? mechanism_->error() : unproved_;
    }

   private:
    bool Report(End end) {
      if (std::exchange(reported_, true)) return false;
      return account_->OnEnd(end, alone_, token_.get());
    }

    const std::shared_ptr<Account> account_;
    const absl::string_view name_;
    const std::shared_ptr<Token> token_;
    const bool alone_;
    const std::unique_ptr<ClientMechanism> mechanism_;
    std::string unproved_;
    bool reported_ = false;
  };

  bool needs_token() const {
    return !options_.credentials.token_command.empty();
  }

  // Returns the strongest mechanism that both have, or null.
  const ClientMechanismRow* Choose(
      const std::vector<std::string>& offered) const {
    const std::string& wanted = options_.credentials.mechanism;
    for (const ClientMechanismRow& row : ClientMechanisms()) {
      if (row.token != needs_token()) continue;
      if (!wanted.empty() && row.name != wanted) continue;
      for (const std::string& each : offered) {
        if (absl::AsciiStrToUpper(each) == row.name) return &row;
      }
    }
    return nullptr;
  }

  // Begins the exchanges that can begin now.
  void Serve() {
    std::vector<Answer> answers;
    bool fetch = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      while (!waiting_.empty()) {
        Waiting& next = waiting_.front();
        const ClientMechanismRow* const row = Choose(next.offered);
        if (row == nullptr) {
          answers.emplace_back(std::move(next.done), NoMechanism(next.offered));
          waiting_.pop_front();
          continue;
        }
        if (!proved_ && trying_) break;
        if (needs_token() &&
            (token_ == nullptr || options_.now() >= token_->end)) {
          fetch = !std::exchange(fetching_, true);
          break;
        }
        trying_ = trying_ || !proved_;
        answers.emplace_back(
            std::move(next.done),
            std::make_unique<Exchange>(shared_from_this(), *row, token_,
                                       /*alone=*/!proved_));
        waiting_.pop_front();
      }
    }
    for (auto& [done, answer] : answers) {
      std::move(done)(std::move(answer));
    }
    if (!fetch) return;
    options_.run([self = shared_from_this()] {
      self->OnToken(self->options_.ask_for_token());
    });
  }

  absl::Status NoMechanism(const std::vector<std::string>& offered) const {
    if (offered.empty()) {
      return absl::FailedPreconditionError("the server does not offer AUTH");
    }
    const std::string& wanted = options_.credentials.mechanism;
    return absl::FailedPreconditionError(
        absl::StrCat("the server offers AUTH with ",
                     absl::StrJoin(offered, ", "), ", and not with ",
                     !wanted.empty() ? wanted
                     : needs_token() ? "a mechanism for tokens"
                                     : "a mechanism for passwords"));
  }

  void OnToken(absl::StatusOr<BearerToken> token) {
    if (token.ok()) {
      const auto made = std::make_shared<Token>();
      made->end = options_.now() + token->lifetime;
      // A token that lives shortly is used for half of its life.
      made->end -= std::min(kEarlier, token->lifetime / 2);
      made->text = Secret(std::move(token->text));
      const std::lock_guard<std::mutex> lock(mutex_);
      fetching_ = false;
      token_ = made;
    } else {
      FailWaiting(token.status());
      const std::lock_guard<std::mutex> lock(mutex_);
      fetching_ = false;
    }
    Serve();
  }

  void FailWaiting(const absl::Status& status) {
    std::deque<Waiting> waiting;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting.swap(waiting_);
    }
    for (Waiting& each : waiting) std::move(each.done)(status);
  }

  // Returns whether another exchange may succeed at once.
  bool OnEnd(End end, bool alone, const Token* token) {
    bool again = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (alone) trying_ = false;
      if (end == End::kAccepted) {
        proved_ = true;
        if (token_ != nullptr && token_.get() == token) token_->used = true;
      }
      if (end == End::kRefused) {
        proved_ = false;
        // A token that has worked has ended, or was withdrawn. A new one that
        // does not work shows that the account does not.
        again = token != nullptr && (token_.get() != token || token_->used);
        if (token_.get() == token) token_ = nullptr;
      }
    }
    if (end == End::kRefused && !again) {
      FailWaiting(absl::PermissionDeniedError(
          "the server has refused these credentials in another connection"));
    }
    Serve();
    return again;
  }

  const ClientAccountOptions options_;
  const std::string version_;
  SaltedPassword salted_;
  std::mutex mutex_;  // guards the members below
  std::deque<Waiting> waiting_;
  std::shared_ptr<Token> token_;  // null: none
  bool fetching_ = false;         // the token command runs
  bool proved_ = false;           // the last credentials were accepted
  bool trying_ = false;           // an exchange finds out whether they are
};

}  // namespace

std::shared_ptr<ClientAccount> MakeClientAccount(ClientAccountOptions options) {
  return std::make_shared<Account>(std::move(options));
}

}  // namespace postern::auth
