// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The stored value against which a password is checked, as one word of text:
//
//   SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY
//       in the form of PostgreSQL, with base64. SCRAM can use only this kind.
//   $y$... $gy$... $2a$... $2b$... $2y$... $5$... $6$...
//       crypt(5): yescrypt, gost-yescrypt, bcrypt, sha256crypt, sha512crypt.
//
// Other kinds of crypt(5) are refused. A graphics card can test all passwords
// that people remember against DES and md5crypt ($1$) in minutes.

#ifndef POSTERN_AUTH_VERIFIER_H_
#define POSTERN_AUTH_VERIFIER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/scram_keys.h"

namespace postern::auth {

// Passwords for crypt(3) are used as the client sent them. Passwords for SCRAM
// are first prepared with SaslPrep(), so that all ways to type one are equal.
//
// Thread-safety: const methods may be called from any thread at any time.
class Verifier {
 public:
  // RFC 7677 4 recommends at least 4096. More than the maximum would occupy a
  // thread for a second at each attempt.
  static constexpr int kMinIterations = 4096;
  static constexpr int kMaxIterations = 5000000;
  // The default for a new verifier. It is the most that the client of Cyrus
  // SASL accepts, which Postfix uses.
  //
  // PLAIN and LOGIN cost the server 16 ms each, as yescrypt does with its
  // defaults, which allows 60 per second and processor. SCRAM costs the client
  // the same, or a fifth of a second on a small computer, and the server almost
  // nothing. RFC 7677 4 suggests a number that takes 0.1 s, and OWASP 600,000.
  // Neither considers clients that log in for each message.
  static constexpr int kIterations = 65536;
  // The size of a new salt in octets.
  static constexpr size_t kSaltSize = 16;

  // Parses the result of text(). The error kInvalidArgument says what is wrong,
  // and shows no part of the text.
  static absl::StatusOr<Verifier> Parse(absl::string_view text);

  // Returns the verifier with these keys, which must be complete.
  explicit Verifier(ScramKeys keys);

  // Return a verifier of `password` with a new random salt. kInvalidArgument:
  // the password is empty, contains a control character, or SaslPrep() or
  // crypt(3) does not accept it (crypt(3) takes less than 512 octets), or
  // `iterations` is out of range. kInternal: libcrypt failed.
  static absl::StatusOr<Verifier> MakeScram(absl::string_view password,
                                            int iterations = kIterations);
  static absl::StatusOr<Verifier> MakeYescrypt(absl::string_view password);

  // Returns true if `password` is the right one. The empty password never is.
  // The time does not depend on the password. kInternal: libcrypt failed,
  // because memory is exhausted or because it does not accept the text.
  absl::StatusOr<bool> Check(absl::string_view password) const;

  // The keys for SCRAM; null if this is a crypt(3) hash.
  const ScramKeys* scram() const { return scram_ ? &*scram_ : nullptr; }

  // Returns the scheme and the parameters that determine how long Check()
  // takes: a text that is equal for verifiers that differ only in salt and
  // password.
  std::string cost() const;

  // Returns a verifier of no password, for which Check() takes as long.
  Verifier StandIn() const;

  // One word: contains no blank and no newline, and neither begins nor ends
  // with ':'.
  const std::string& text() const { return text_; }

  friend bool operator==(const Verifier&, const Verifier&) = default;

 private:
  // A crypt(3) hash.
  explicit Verifier(absl::string_view text) : text_(text) {}

  std::string text_;
  std::optional<ScramKeys> scram_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_VERIFIER_H_
