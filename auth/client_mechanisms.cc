// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/client_mechanisms.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "auth/saslprep.h"
#include "engine/grammar/base64.h"

namespace postern::auth {
namespace {

constexpr size_t kNonceSize = 18;  // octets
// Octets of a server's explanation that are kept for the log.
constexpr size_t kMaxExplanation = 200;

// Returns the beginning of `text` with a '?' for each octet that is not
// printable ASCII.
std::string Printable(absl::string_view text) {
  std::string printed(text.substr(0, kMaxExplanation));
  for (char& c : printed) {
    if (c < ' ' || c > '~') c = '?';
  }
  return printed;
}

class Plain : public ClientMechanism {
 public:
  explicit Plain(const ClientLogin& login) : login_(login) {}

  std::optional<std::string> Start() override {
    const absl::string_view nul("\0", 1);
    return absl::StrCat(nul, login_.user, nul, login_.secret);
  }
  std::optional<std::string> Respond(absl::string_view) override {
    error_ = "the server asks for more than PLAIN has";
    return std::nullopt;
  }

 private:
  const ClientLogin login_;
};

// Each server words the two questions in its own way.
class Login : public ClientMechanism {
 public:
  explicit Login(const ClientLogin& login) : login_(login) {}

  std::optional<std::string> Start() override { return std::nullopt; }
  std::optional<std::string> Respond(absl::string_view) override {
    switch (asked_++) {
      case 0:
        return std::string(login_.user);
      case 1:
        return std::string(login_.secret);
      default:
        error_ = "the server asks for more than a name and a password";
        return std::nullopt;
    }
  }

 private:
  const ClientLogin login_;
  int asked_ = 0;
};

// A refusal is a challenge with an explanation, and the client answers with
// nothing, after which the server replies 535.
class Bearer : public ClientMechanism {
 public:
  Bearer(std::string initial, absl::string_view after_error)
      : initial_(std::move(initial)), after_error_(after_error) {}

  std::optional<std::string> Start() override { return initial_.text(); }
  std::optional<std::string> Respond(absl::string_view challenge) override {
    error_ = Printable(challenge);
    if (std::exchange(explained_, true)) return std::nullopt;
    return std::string(after_error_);
  }

 private:
  const Secret initial_;
  const absl::string_view after_error_;
  bool explained_ = false;
};

// Returns `name` as a saslname (RFC 5802 5.1).
std::string SaslName(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"=", "=3D"}, {",", "=2C"}});
}

std::string Prepared(absl::string_view text) {
  // What SASLprep prohibits, the server may have stored as it is.
  return SaslPrep(text).value_or(std::string(text));
}

//   C: n,,n=user,r=OUR-NONCE
//   S: r=OUR-NONCE-AND-THEIRS,s=SALT,i=ITERATIONS
//   C: c=biws,r=OUR-NONCE-AND-THEIRS,p=PROOF
//   S: v=SIGNATURE
//   C:                        an empty response
class Scram : public ClientMechanism {
 public:
  Scram(Hash hash, const ClientLogin& login)
      : hash_(hash),
        login_(login),
        nonce_(login.nonce ? login.nonce()
                           : EncodeBase64(RandomBytes(kNonceSize))) {}

  std::optional<std::string> Start() override {
    bare_ = absl::StrCat("n=", SaslName(Prepared(login_.user)), ",r=", nonce_);
    return absl::StrCat("n,,", bare_);
  }

  std::optional<std::string> Respond(absl::string_view challenge) override {
    switch (state_) {
      case State::kFirst:
        return OnFirst(challenge);
      case State::kFinal:
        return OnFinal(challenge);
      case State::kProved:
      case State::kFailed:
        break;
    }
    return Fail("a message after the last one");
  }

  bool proved() const override { return state_ == State::kProved; }

 private:
  enum class State : uint8_t { kFirst, kFinal, kProved, kFailed };

  std::nullopt_t Fail(absl::string_view why) {
    state_ = State::kFailed;
    error_ = absl::StrCat("SCRAM: ", why);
    return std::nullopt;
  }

  std::optional<std::string> OnFirst(absl::string_view message) {
    // Extensions may follow, but not "m=", which must be understood (RFC 5802
    // 5.1).
    const std::vector<absl::string_view> parts = absl::StrSplit(message, ',');
    if (parts.size() < 3) return Fail("an incomplete message of the server");
    absl::string_view nonce = parts[0];
    absl::string_view salt64 = parts[1];
    absl::string_view count = parts[2];
    int iterations = 0;
    if (!absl::ConsumePrefix(&nonce, "r=") ||
        !absl::ConsumePrefix(&salt64, "s=") ||
        !absl::ConsumePrefix(&count, "i=") ||
        !absl::SimpleAtoi(count, &iterations) || iterations < 1) {
      return Fail("an invalid message of the server");
    }
    const std::optional<std::string> salt = DecodeBase64(salt64);
    if (!salt || salt->empty()) return Fail("an invalid salt");
    if (!absl::StartsWith(nonce, nonce_) || nonce.size() == nonce_.size()) {
      return Fail("the server does not repeat the nonce");
    }
    if (iterations > kMaxClientIterations) {
      return Fail(absl::StrCat("the server asks for ", iterations,
                               " iterations, more than ",
                               kMaxClientIterations));
    }
    Secret salted(
        login_.salted->Of(hash_, Prepared(login_.secret), *salt, iterations));
    const Secret client_key(Hmac(hash_, salted.text(), "Client Key"));
    const std::string without_proof = absl::StrCat("c=biws,r=", nonce);
    const std::string auth_message =
        absl::StrCat(bare_, ",", message, ",", without_proof);
    std::string proof =
        Hmac(hash_, Digest(hash_, client_key.text()), auth_message);
    for (size_t i = 0; i < proof.size(); ++i) {
      proof[i] = static_cast<char>(proof[i] ^ client_key.text()[i]);
    }
    signature_ =
        Hmac(hash_, Hmac(hash_, salted.text(), "Server Key"), auth_message);
    state_ = State::kFinal;
    return absl::StrCat(without_proof, ",p=", EncodeBase64(proof));
  }

  std::optional<std::string> OnFinal(absl::string_view message) {
    absl::string_view part = message.substr(0, message.find(','));
    if (absl::ConsumePrefix(&part, "e=")) {
      return Fail(absl::StrCat("the server refuses: ", Printable(part)));
    }
    if (!absl::ConsumePrefix(&part, "v=")) {
      return Fail("an invalid last message of the server");
    }
    const std::optional<std::string> signature = DecodeBase64(part);
    if (!signature || !SameBytes(*signature, signature_)) {
      return Fail("the server does not know the password");
    }
    state_ = State::kProved;
    return std::string();
  }

  const Hash hash_;
  const ClientLogin login_;
  const std::string nonce_;
  State state_ = State::kFirst;
  std::string bare_;
  std::string signature_;  // that the server must send
};

constexpr char kSeparator = '\x01';

constexpr ClientMechanismRow kRows[] = {
    {"SCRAM-SHA-256", false,
     [](const ClientLogin& login) -> std::unique_ptr<ClientMechanism> {
       return std::make_unique<Scram>(Hash::kSha256, login);
     }},
    {"SCRAM-SHA-1", false,
     [](const ClientLogin& login) -> std::unique_ptr<ClientMechanism> {
       return std::make_unique<Scram>(Hash::kSha1, login);
     }},
    {"PLAIN", false,
     [](const ClientLogin& login) -> std::unique_ptr<ClientMechanism> {
       return std::make_unique<Plain>(login);
     }},
    {"LOGIN", false,
     [](const ClientLogin& login) -> std::unique_ptr<ClientMechanism> {
       return std::make_unique<Login>(login);
     }},
    {"OAUTHBEARER", true,
     [](const ClientLogin& login) -> std::unique_ptr<ClientMechanism> {
       std::string text = absl::StrCat("n,a=", SaslName(login.user), ",");
       text.push_back(kSeparator);
       absl::StrAppend(&text, "auth=Bearer ", login.secret);
       text.append(2, kSeparator);
       return std::make_unique<Bearer>(std::move(text), "\x01");
     }},
    {"XOAUTH2", true,
     [](const ClientLogin& login) -> std::unique_ptr<ClientMechanism> {
       std::string text = absl::StrCat("user=", login.user);
       text.push_back(kSeparator);
       absl::StrAppend(&text, "auth=Bearer ", login.secret);
       text.append(2, kSeparator);
       return std::make_unique<Bearer>(std::move(text), "");
     }},
};

}  // namespace

std::string SaltedPassword::Of(Hash hash, absl::string_view password,
                               absl::string_view salt, int iterations) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string of =
      absl::StrCat(static_cast<int>(hash), " ", iterations, " ", salt);
  if (of != of_) {
    salted_ = Secret(Pbkdf2(hash, password, salt, iterations));
    of_ = of;
  }
  return salted_.text();
}

absl::Span<const ClientMechanismRow> ClientMechanisms() { return kRows; }

}  // namespace postern::auth
