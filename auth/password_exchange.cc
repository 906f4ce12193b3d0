// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/password_exchange.h"

#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "auth/refusal.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

constexpr size_t kMaxHost = 64;
constexpr size_t kDigest = 32;  // hexadecimal digits of MD5

bool HasNul(absl::string_view text) {
  return text.find('\0') != absl::string_view::npos;
}

class PasswordExchange : public AuthExchange {
 public:
  PasswordExchange(PasswordChecker* checker, const SharedSessionInfo& session)
      : checker_(*checker), session_(session) {}

  absl::string_view user() const override { return user_; }

 protected:
  // The arguments are views: the caller wipes the message that they point into.
  AuthAnswer Check(absl::string_view user, absl::string_view secret,
                   absl::string_view challenge = "") {
    if (!AreWhole(user, secret)) return Malformed();
    user_ = std::string(user);
    return checker_.Check({user, secret, challenge}, *session_);
  }

  static bool AreWhole(absl::string_view user, absl::string_view secret) {
    return !user.empty() && !secret.empty() && !HasNul(user) && !HasNul(secret);
  }

  void set_user(absl::string_view user) { user_ = std::string(user); }

 private:
  PasswordChecker& checker_;
  const SharedSessionInfo session_;
  std::string user_;
};

// message = [authzid] NUL authcid NUL passwd
class PlainExchange : public PasswordExchange {
 public:
  PlainExchange(PasswordChecker* checker, const SharedSessionInfo& session,
                bool ignore_authorization_identity)
      : PasswordExchange(checker, session),
        ignore_authorization_identity_(ignore_authorization_identity) {}

  absl::string_view requested_identity() const override { return requested_; }

  void Start(std::optional<std::string> initial_response, Done done) override {
    if (!initial_response) return std::move(done)(AuthChallenge{""});
    Respond(*std::move(initial_response), std::move(done));
  }

  void Respond(std::string response, Done done) override {
    const Secret message(std::move(response));
    const absl::string_view text = message.text();
    const size_t user = text.find('\0');
    const size_t password =
        user == text.npos ? text.npos : text.find('\0', user + 1);
    if (password == text.npos) return std::move(done)(Malformed());
    const absl::string_view name = text.substr(user + 1, password - user - 1);
    const absl::string_view secret = text.substr(password + 1);
    requested_ = std::string(text.substr(0, user));
    const bool other = !requested_.empty() && requested_ != name;
    if (other && !ignore_authorization_identity_ && AreWhole(name, secret)) {
      set_user(name);
      return std::move(done)(WrongCredentials());
    }
    std::move(done)(Check(name, secret));
  }

 private:
  const bool ignore_authorization_identity_;
  std::string requested_;
};

// Two challenges. The first response may come with the command.
class LoginExchange : public PasswordExchange {
 public:
  using PasswordExchange::PasswordExchange;

  void Start(std::optional<std::string> initial_response, Done done) override {
    if (!initial_response) return std::move(done)(AuthChallenge{"Username:"});
    Respond(*std::move(initial_response), std::move(done));
  }

  void Respond(std::string response, Done done) override {
    const Secret answer(std::move(response));
    if (!named_) {
      named_ = true;
      set_user(answer.text());
      return std::move(done)(AuthChallenge{"Password:"});
    }
    std::move(done)(Check(std::string(user()), answer.text()));
  }

 private:
  bool named_ = false;
};

// response = user SP digest
class CramMd5Exchange : public PasswordExchange {
 public:
  CramMd5Exchange(PasswordChecker* checker, const SharedSessionInfo& session,
                  absl::string_view host)
      : PasswordExchange(checker, session),
        host_(host.empty() ? session->local_name : host) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    if (initial_response) return std::move(done)(ServerIsFirst());
    challenge_ = MakeChallenge(host_);
    if (challenge_.empty()) return std::move(done)(Outage());
    std::move(done)(AuthChallenge{challenge_});
  }

  void Respond(std::string response, Done done) override {
    const Secret message(std::move(response));
    const absl::string_view text = message.text();
    const size_t space = text.rfind(' ');
    const absl::string_view digest =
        space == text.npos ? "" : text.substr(space + 1);
    if (digest.size() != kDigest ||
        !std::all_of(digest.begin(), digest.end(), absl::ascii_isxdigit)) {
      return std::move(done)(Malformed());
    }
    std::move(done)(Check(text.substr(0, space), digest, challenge_));
  }

 private:
  const std::string host_;
  std::string challenge_;
};

}  // namespace

std::unique_ptr<AuthExchange> MakePasswordExchange(
    absl::string_view mechanism, PasswordChecker* checker,
    const SharedSessionInfo& session, const PasswordExchangeOptions& options) {
  if (mechanism == "PLAIN") {
    return std::make_unique<PlainExchange>(
        checker, session, options.ignore_authorization_identity);
  }
  if (mechanism == "LOGIN") {
    return std::make_unique<LoginExchange>(checker, session);
  }
  if (mechanism == "CRAM-MD5") {
    return std::make_unique<CramMd5Exchange>(checker, session, options.host);
  }
  return nullptr;
}

std::string MakeChallenge(absl::string_view host) {
  char random[16];
  if (getrandom(random, sizeof(random), 0) != sizeof(random)) return "";
  std::string name;
  for (const char c : host.substr(0, kMaxHost)) {
    if (absl::ascii_isalnum(c) || c == '.' || c == '-') name += c;
  }
  if (name.empty()) name = "localhost";
  return absl::StrCat(
      "<", absl::BytesToHexString(absl::string_view(random, sizeof(random))),
      ".", static_cast<int64_t>(time(nullptr)), "@", name, ">");
}

}  // namespace postern::auth
