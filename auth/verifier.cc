// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/verifier.h"

#include <crypt.h>
#include <errno.h>
#include <string.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "auth/digest.h"
#include "auth/saslprep.h"
#include "engine/grammar/base64.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {
namespace {

constexpr char kScram[] = "SCRAM-SHA-256$";

// A kind of hash of crypt(3) that is accepted: PREFIX COST '$' SALT '$' DIGEST,
// or for bcrypt PREFIX COST '$' SALT-AND-DIGEST.
struct CryptKind {
  absl::string_view prefix;
  size_t digest_size = 0;  // in characters
  size_t salt_size = 0;    // before the digest; 0: ends with '$'
};

constexpr CryptKind kCryptKinds[] = {
    {"$y$", 43},      {"$gy$", 43},     {"$6$", 86},      {"$5$", 43},
    {"$2b$", 31, 22}, {"$2y$", 31, 22}, {"$2a$", 31, 22},
};

bool IsCryptDigit(char c) {
  return absl::ascii_isalnum(c) || c == '.' || c == '/';
}

// The offsets of the parts of a hash of crypt(3).
struct CryptParts {
  size_t salt = 0;
  size_t digest = 0;
};

// Returns the parts of `text`, or nullopt if it matches none of kCryptKinds.
std::optional<CryptParts> SplitCrypt(absl::string_view text) {
  const CryptKind* kind = nullptr;
  for (const CryptKind& row : kCryptKinds) {
    if (absl::StartsWith(text, row.prefix)) kind = &row;
  }
  if (kind == nullptr ||
      text.size() < kind->prefix.size() + kind->digest_size) {
    return std::nullopt;
  }
  for (const char c : text) {
    if (!IsCryptDigit(c) && c != '$' && c != '=') return std::nullopt;
  }
  CryptParts parts;
  parts.digest = text.size() - kind->digest_size;
  for (const char c : text.substr(parts.digest)) {
    if (!IsCryptDigit(c)) return std::nullopt;
  }
  if (kind->salt_size > 0) {  // "$2b$12$" and nothing else
    parts.salt = kind->prefix.size() + 3;
    if (parts.salt + kind->salt_size != parts.digest) return std::nullopt;
  } else {
    if (text[parts.digest - 1] != '$') return std::nullopt;
    const size_t before = text.rfind('$', parts.digest - 2);
    if (before == text.npos || before + 1 < kind->prefix.size()) {
      return std::nullopt;
    }
    parts.salt = before + 1;
    if (parts.salt == parts.digest - 1) return std::nullopt;
  }
  if (text[parts.salt - 1] != '$') return std::nullopt;
  return parts;
}

absl::StatusOr<ScramKeys> ParseScram(absl::string_view text) {
  const size_t salt = text.find(':');
  const size_t stored = text.find('$');
  const size_t server = text.rfind(':');
  if (salt == text.npos || stored == text.npos || salt > stored ||
      server < stored) {
    return absl::InvalidArgumentError(
        "not SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY");
  }
  ScramKeys keys;
  const absl::string_view iterations = text.substr(0, salt);
  // Each number has exactly one form: no sign, no leading zeros.
  if (!absl::SimpleAtoi(iterations, &keys.iterations) ||
      absl::StrCat(keys.iterations) != iterations ||
      keys.iterations < Verifier::kMinIterations ||
      keys.iterations > Verifier::kMaxIterations) {
    return absl::InvalidArgumentError(
        absl::StrCat("SCRAM-SHA-256 needs ", Verifier::kMinIterations, " to ",
                     Verifier::kMaxIterations, " iterations"));
  }
  const auto decode = [](absl::string_view base64, std::string* to) {
    std::optional<std::string> bytes = DecodeBase64(base64);
    if (bytes) *to = *std::move(bytes);
  };
  decode(text.substr(salt + 1, stored - salt - 1), &keys.salt);
  decode(text.substr(stored + 1, server - stored - 1), &keys.stored_key);
  decode(text.substr(server + 1), &keys.server_key);
  if (keys.salt.empty()) {
    return absl::InvalidArgumentError("the salt is not base64");
  }
  if (keys.stored_key.size() != kSha256Size ||
      keys.server_key.size() != kSha256Size) {
    return absl::InvalidArgumentError("a key is not 32 octets in base64");
  }
  return keys;
}

// Hashes `password`, which contains no NUL, with the method and salt of
// `setting`.
absl::StatusOr<std::string> Crypt(absl::string_view password,
                                  const std::string& setting) {
  // 32 kB: too much for the stack of an arbitrary thread.
  const auto data = std::make_unique<struct crypt_data>();
  std::string phrase(password);
  const char* const hash =
      crypt_rn(phrase.c_str(), setting.c_str(), data.get(), sizeof *data);
  const int error = errno;
  absl::StatusOr<std::string> result =
      absl::InternalError(absl::StrCat("libcrypt: ", strerror(error)));
  if (hash != nullptr) result = std::string(hash);
  Wipe(&phrase);
  explicit_bzero(data.get(), sizeof *data);
  return result;
}

}  // namespace

absl::StatusOr<Verifier> Verifier::Parse(absl::string_view text) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, kScram)) {
    absl::StatusOr<ScramKeys> keys = ParseScram(rest);
    if (!keys.ok()) return keys.status();
    return Verifier(*std::move(keys));
  }
  if (!SplitCrypt(text)) {
    return absl::InvalidArgumentError(
        "neither SCRAM-SHA-256 nor a complete $y$, $gy$, $2a$, $2b$, $2y$, $5$ "
        "or $6$ of crypt: set the password again");
  }
  return Verifier(text);
}

Verifier::Verifier(ScramKeys keys)
    : text_(absl::StrCat(kScram, keys.iterations, ":", EncodeBase64(keys.salt),
                         "$", EncodeBase64(keys.stored_key), ":",
                         EncodeBase64(keys.server_key))),
      scram_(std::move(keys)) {}

absl::StatusOr<Verifier> Verifier::MakeScram(absl::string_view password,
                                             int iterations) {
  if (iterations < kMinIterations || iterations > kMaxIterations) {
    return absl::InvalidArgumentError(
        absl::StrCat(kMinIterations, " to ", kMaxIterations, " iterations"));
  }
  std::optional<std::string> prepared = SaslPrep(password);
  if (!prepared) {
    return absl::InvalidArgumentError(
        "the password is empty or contains a character that SASLprep "
        "prohibits");
  }
  Verifier verifier(
      DeriveScramKeys(*prepared, RandomBytes(kSaltSize), iterations));
  Wipe(&*prepared);
  return verifier;
}

absl::StatusOr<Verifier> Verifier::MakeYescrypt(absl::string_view password) {
  if (password.empty() || password.size() >= CRYPT_MAX_PASSPHRASE_SIZE) {
    return absl::InvalidArgumentError("the password is empty or too long");
  }
  // SaslPrep() also refuses these for SCRAM. Users cannot type them in a mail
  // program.
  if (std::any_of(password.begin(), password.end(), absl::ascii_iscntrl)) {
    return absl::InvalidArgumentError("the password has a control character");
  }
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  if (crypt_gensalt_rn("$y$", 0, nullptr, 0, setting, sizeof setting) ==
      nullptr) {
    return absl::InternalError(absl::StrCat("libcrypt: ", strerror(errno)));
  }
  const absl::StatusOr<std::string> hash = Crypt(password, setting);
  if (!hash.ok()) return hash.status();
  return Parse(*hash);
}

absl::StatusOr<bool> Verifier::Check(absl::string_view password) const {
  if (scram_) {
    std::optional<std::string> prepared = SaslPrep(password);
    const bool fit = prepared.has_value();
    if (!fit) prepared.emplace();
    const ScramKeys keys =
        DeriveScramKeys(*prepared, scram_->salt, scram_->iterations);
    Wipe(&*prepared);
    return SameBytes(keys.stored_key, scram_->stored_key) && fit;
  }
  // crypt(3) does not accept such a password, so it is wrong. The hash is
  // computed anyway: otherwise the time would distinguish this user from users
  // of another kind.
  const bool fit = !password.empty() &&
                   password.size() < CRYPT_MAX_PASSPHRASE_SIZE &&
                   password.find('\0') == password.npos;
  const absl::StatusOr<std::string> hash = Crypt(fit ? password : "", text_);
  if (!hash.ok()) return hash.status();
  return SameBytes(*hash, text_) && fit;
}

std::string Verifier::cost() const {
  if (scram_) return text_.substr(0, text_.find(':'));
  return text_.substr(0, SplitCrypt(text_)->salt);
}

Verifier Verifier::StandIn() const {
  if (scram_) {
    return Verifier(ScramKeys{.iterations = scram_->iterations,
                              .salt = RandomBytes(scram_->salt.size()),
                              .stored_key = RandomBytes(kSha256Size),
                              .server_key = RandomBytes(kSha256Size)});
  }
  std::string text = text_;
  const size_t digest = SplitCrypt(text)->digest;
  text.replace(digest, text.npos, text.size() - digest, '.');
  return Verifier(text);
}

}  // namespace postern::auth
