// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What is kept of a user's password, as one word of text, and whether a
// password is that one:
//
//   SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY
//       as PostgreSQL writes it, in base64. The only kind that SCRAM can use.
//   $y$... $gy$... $2a$... $2b$... $2y$... $5$... $6$...
//       crypt(5): yescrypt, gost-yescrypt, bcrypt, sha256crypt, sha512crypt.
//
// Other words of crypt(5) are refused: a graphics card tries all that people
// remember against DES and md5crypt ($1$) in minutes.

#ifndef POSTERN_AUTH_VERIFIER_H_
#define POSTERN_AUTH_VERIFIER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/scram_keys.h"

namespace postern::auth {

// Passwords that crypt(3) knows are octets as they came; those of SCRAM are
// what SaslPrep() makes of them, so that all ways to type one are one.
//
// Thread-safety: const methods may be called from any thread at any time.
class Verifier {
 public:
  // Fewer RFC 7677 4 does not have; more would keep a thread for a second with
  // each attempt.
  static constexpr int kMinIterations = 4096;
  static constexpr int kMaxIterations = 5000000;
  // Of a new verifier: the most that Cyrus SASL's client, which is Postfix's,
  // agrees to. It costs the server 16 ms for each PLAIN or LOGIN, as yescrypt
  // does with its defaults, which is sixty a second and processor; and the
  // client the same, or a fifth of a second on a small machine, for each SCRAM,
  // of which the server's part is next to nothing. RFC 7677 4 would have as
  // many as take 0.1 s, OWASP 600,000: neither thinks of clients that log in
  // for each message.
  static constexpr int kIterations = 65536;
  // Of a new salt: octets.
  static constexpr size_t kSaltSize = 16;

  // Reads what text() returns. kInvalidArgument says what is wrong with it, and
  // shows nothing of it.
  static absl::StatusOr<Verifier> Parse(absl::string_view text);

  // Returns the verifier of these keys, which are whole.
  explicit Verifier(ScramKeys keys);

  // Return a verifier, with a salt of its own, of `password`.
  // kInvalidArgument: it is empty, has a control character, or is nothing that
  // SaslPrep() or crypt(3) takes (which has 512 octets at most); kInternal:
  // libcrypt failed.
  static absl::StatusOr<Verifier> MakeScram(absl::string_view password,
                                            int iterations = kIterations);
  static absl::StatusOr<Verifier> MakeYescrypt(absl::string_view password);

  // Returns whether `password` is the one, which an empty one never is. Takes
  // as long for any. kInternal: libcrypt failed, for want of memory or because
  // the word is none after all.
  absl::StatusOr<bool> Check(absl::string_view password) const;

  // What SCRAM needs; null: crypt(3) alone knows this password.
  const ScramKeys* scram() const { return scram_ ? &*scram_ : nullptr; }

  // Returns the scheme and what says how long Check() takes: a text that is the
  // same for verifiers that differ in salt and password alone.
  std::string cost() const;

  // Returns a verifier of no password, of which Check() takes as long.
  Verifier StandIn() const;

  // No blank, no ':' at its front or end, no line end.
  const std::string& text() const { return text_; }

  friend bool operator==(const Verifier&, const Verifier&) = default;

 private:
  // Of crypt(3).
  explicit Verifier(absl::string_view text) : text_(text) {}

  std::string text_;
  std::optional<ScramKeys> scram_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_VERIFIER_H_
