// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/scram.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "auth/digest.h"
#include "auth/gs2.h"
#include "auth/refusal.h"
#include "engine/grammar/base64.h"
#include "engine/grammar/utf8.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

constexpr size_t kNonceSize = 18;  // octets, 24 characters in base64

std::string RandomNonce() { return EncodeBase64(RandomBytes(kNonceSize)); }

// Removes the text up to the first comma, and the comma, from `message`.
// Returns that text. If there is no comma, takes everything.
absl::string_view TakePart(absl::string_view* message) {
  const size_t comma = message->find(',');
  const absl::string_view part = message->substr(0, comma);
  message->remove_prefix(comma == message->npos ? message->size() : comma + 1);
  return part;
}

// Returns true if `text` consists of extensions that the server may ignore
// (RFC 5802 7).
bool AreExtensions(absl::string_view text) {
  if (absl::EndsWith(text, ",")) return false;
  do {
    const absl::string_view part = TakePart(&text);
    if (part.size() < 3 || !absl::ascii_isalpha(part[0]) || part[1] != '=' ||
        part[0] == 'm' || part.find('\0') != part.npos) {
      return false;
    }
  } while (!text.empty());
  return true;
}

// Returns true if `text` is a nonce: printable characters. A comma cannot
// occur, because TakePart() splits at commas.
bool IsNonce(absl::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

class ScramExchange : public AuthExchange {
 public:
  ScramExchange(ScramSource* source, std::function<std::string()> nonce)
      : source_(source), nonce_source_(std::move(nonce)) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    // Without an initial response, the client waits for an empty challenge
    // (RFC 4954 4).
    std::move(done)(initial_response ? OnFirst(*initial_response)
                                     : AuthAnswer(AuthChallenge{}));
  }

  void Respond(std::string response, Done done) override {
    std::move(done)(OnResponse(response));
  }

  absl::string_view user() const override { return user_; }
  absl::string_view requested_identity() const override { return requested_; }

 private:
  enum class State : uint8_t { kFirst, kFinal, kProved, kOver };

  AuthAnswer OnResponse(absl::string_view response) {
    switch (state_) {
      case State::kFirst:
        return OnFirst(response);
      case State::kFinal:
        return OnFinal(response);
      case State::kProved:
        state_ = State::kOver;
        if (!response.empty()) return Malformed();
        return AuthGranted{found_.identity};
      case State::kOver:
        break;
    }
    return Malformed();
  }

  AuthAnswer OnFirst(absl::string_view message);
  AuthAnswer OnFinal(absl::string_view message);
  // Returns true if `proof` matches the keys, and the keys belong to a user.
  bool Proves(absl::string_view proof) const;

  ScramSource* const source_;
  const std::function<std::string()> nonce_source_;
  State state_ = State::kFirst;
  std::string user_;
  std::string requested_;  // the authorization identity, or empty
  std::string gs2_header_;
  std::string nonce_;  // of the client and the server
  // The beginning of AuthMessage (RFC 5802 3).
  std::string auth_message_;
  ScramSource::Found found_;
};

AuthAnswer ScramExchange::OnFirst(absl::string_view message) {
  state_ = State::kOver;
  absl::string_view rest = message;
  std::optional<Gs2Header> header = TakeGs2Header(&rest);
  if (!header) return Malformed();
  gs2_header_ = std::string(header->text);
  const absl::string_view bare = rest;
  absl::string_view name = TakePart(&rest);
  absl::string_view nonce = TakePart(&rest);
  if (!absl::ConsumePrefix(&name, "n=") || !absl::ConsumePrefix(&nonce, "r=") ||
      !IsNonce(nonce) || !IsUtf8(message) ||
      (std::count(bare.begin(), bare.end(), ',') > 1 && !AreExtensions(rest))) {
    return Malformed();
  }
  std::optional<std::string> user = DecodeSaslName(name);
  if (!user) return Malformed();
  user_ = *std::move(user);
  requested_ = std::move(header->authorization_identity);
  if (!requested_.empty() && requested_ != user_) return WrongCredentials();
  std::optional<ScramSource::Found> found = source_->FindScram(user_);
  if (!found) return Outage();
  found_ = *std::move(found);
  nonce_ = absl::StrCat(nonce, nonce_source_());
  std::string first =
      absl::StrCat("r=", nonce_, ",s=", EncodeBase64(found_.keys.salt),
                   ",i=", found_.keys.iterations);
  auth_message_ = absl::StrCat(bare, ",", first, ",");
  state_ = State::kFinal;
  return AuthChallenge{std::move(first)};
}

AuthAnswer ScramExchange::OnFinal(absl::string_view message) {
  state_ = State::kOver;
  // The proof is the last attribute, and base64 contains no comma.
  const size_t end = message.rfind(',');
  if (end == message.npos) return Malformed();
  absl::string_view proof64 = message.substr(end + 1);
  absl::string_view rest = message.substr(0, end);
  absl::StrAppend(&auth_message_, rest);
  const bool more = std::count(rest.begin(), rest.end(), ',') > 1;
  absl::string_view binding64 = TakePart(&rest);
  absl::string_view nonce = TakePart(&rest);
  if (!absl::ConsumePrefix(&binding64, "c=") ||
      !absl::ConsumePrefix(&nonce, "r=") ||
      !absl::ConsumePrefix(&proof64, "p=") || (more && !AreExtensions(rest))) {
    return Malformed();
  }
  const std::optional<std::string> binding = DecodeBase64(binding64);
  const std::optional<std::string> proof = DecodeBase64(proof64);
  if (!binding || !proof) return Malformed();
  // Always computes all three, so that the time does not depend on the first.
  const bool bound = *binding == gs2_header_;
  const bool fresh = SameBytes(nonce, nonce_);
  const bool proved = Proves(*proof);
  if (!bound || !fresh || !proved) return WrongCredentials();
  state_ = State::kProved;
  return AuthChallenge{
      absl::StrCat("v=", EncodeBase64(HmacSha256(found_.keys.server_key,
                                                 auth_message_))),
      AuthChallenge::Reveals::kRight};
}

bool ScramExchange::Proves(absl::string_view proof) const {
  if (proof.size() != kSha256Size) return false;
  std::string client_key = HmacSha256(found_.keys.stored_key, auth_message_);
  for (size_t i = 0; i < kSha256Size; ++i) {
    client_key[i] = static_cast<char>(client_key[i] ^ proof[i]);
  }
  const std::string stored_key = Sha256(client_key);
  Wipe(&client_key);  // it would be enough to log in
  return SameBytes(stored_key, found_.keys.stored_key) &&
         !found_.identity.empty();
}

}  // namespace

std::unique_ptr<AuthExchange> MakeScramExchange(
    ScramSource* source, std::function<std::string()> nonce) {
  return std::make_unique<ScramExchange>(
      source, nonce ? std::move(nonce) : RandomNonce);
}

}  // namespace postern::auth
