// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/users.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "auth/password_exchange.h"
#include "auth/refusal.h"
#include "auth/scram_keys.h"
#include "auth/token_checker.h"
#include "auth/verifier.h"

namespace postern::rig {
namespace {

class Tokens : public auth::TokenChecker {
 public:
  explicit Tokens(std::vector<User> users) : users_(std::move(users)) {}

  AuthAnswer Check(const auth::TokenCredentials& credentials,
                   const SessionInfo&) override {
    for (const User& user : users_) {
      if (!user.token.empty() && user.token == credentials.token) {
        return AuthGranted{user.name};
      }
    }
    return auth::WrongCredentials();
  }

 private:
  const std::vector<User> users_;
};

// EXTERNAL, RFC 4422 A: the user is the subject of the client's certificate,
// which TLS has verified.
class External : public AuthExchange {
 public:
  explicit External(SharedSessionInfo session) : session_(std::move(session)) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    if (!initial_response) return std::move(done)(AuthChallenge{});
    Respond(*std::move(initial_response), std::move(done));
  }
  void Respond(std::string identity, Done done) override {
    const std::string subject =
        session_->tls == nullptr ? "" : session_->tls->peer_subject;
    if (subject.empty() || (!identity.empty() && identity != subject)) {
      return std::move(done)(auth::WrongCredentials());
    }
    std::move(done)(AuthGranted{subject});
  }
  absl::string_view user() const override {
    if (session_->tls == nullptr) return "";
    return session_->tls->peer_subject;
  }

 private:
  const SharedSessionInfo session_;
};

// RFC 2195 2.
std::string CramDigest(absl::string_view password,
                       absl::string_view challenge) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  HMAC(EVP_md5(), password.data(), static_cast<int>(password.size()),
       reinterpret_cast<const unsigned char*>(challenge.data()),
       challenge.size(), digest.data(), &size);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

std::vector<std::string> Defaults(const std::vector<User>& users) {
  if (users.empty()) return {};
  std::vector<std::string> names = {"PLAIN", "LOGIN", "CRAM-MD5",
                                    "SCRAM-SHA-256"};
  if (std::any_of(users.begin(), users.end(),
                  [](const User& user) { return !user.token.empty(); })) {
    names.insert(names.end(), {"OAUTHBEARER", "XOAUTH2"});
  }
  return names;
}

}  // namespace

Users::Users(std::vector<User> users, std::vector<std::string> mechanisms)
    : users_(std::move(users)),
      mechanisms_(mechanisms.empty() ? Defaults(users_)
                                     : std::move(mechanisms)),
      bearer_(std::make_unique<Tokens>(users_)) {}

bool Users::Serves(absl::string_view mechanism) {
  for (const absl::string_view name :
       {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2",
        "EXTERNAL"}) {
    if (mechanism == name) return true;
  }
  return false;
}

std::vector<auth::Mechanism> Users::mechanisms() const {
  std::vector<auth::Mechanism> all;
  for (const std::string& name : mechanisms_) all.push_back({name});
  return all;
}

std::unique_ptr<AuthExchange> Users::Begin(absl::string_view mechanism,
                                           const SharedSessionInfo& session) {
  if (mechanism == "SCRAM-SHA-256") return auth::MakeScramExchange(this);
  if (mechanism == "EXTERNAL") return std::make_unique<External>(session);
  if (mechanism == "OAUTHBEARER" || mechanism == "XOAUTH2") {
    return bearer_.Begin(mechanism, session);
  }
  return auth::MakePasswordExchange(mechanism, this, session);
}

const User* Users::Find(absl::string_view name) const {
  for (const User& user : users_) {
    if (user.name == name && !user.password.empty()) return &user;
  }
  return nullptr;
}

AuthAnswer Users::Check(const auth::PasswordCredentials& credentials,
                        const SessionInfo&) {
  const User* const user = Find(credentials.user);
  if (user == nullptr) return auth::WrongCredentials();
  const bool right =
      credentials.challenge.empty()
          ? credentials.secret == user->password
          : absl::AsciiStrToLower(credentials.secret) ==
                CramDigest(user->password, credentials.challenge);
  if (!right) return auth::WrongCredentials();
  return AuthGranted{user->name};
}

std::optional<auth::ScramSource::Found> Users::FindScram(
    absl::string_view name) {
  const User* const user = Find(name);
  const auto verifier =
      auth::Verifier::MakeScram(user == nullptr ? "no user" : user->password,
                                auth::Verifier::kMinIterations);
  // The password is one that SASLprep does not allow.
  if (!verifier.ok()) return std::nullopt;
  return Found{*verifier->scram(), user == nullptr ? "" : user->name};
}

}  // namespace postern::rig
