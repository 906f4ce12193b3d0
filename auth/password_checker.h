// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Tells whether a password is the user's.

#ifndef POSTERN_AUTH_PASSWORD_CHECKER_H_
#define POSTERN_AUTH_PASSWORD_CHECKER_H_

#include "absl/strings/string_view.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern::auth {

// What a client has sent to prove who it is. It holds no NUL, and neither
// `user` nor `secret` is empty. Lent for one call.
struct Proof {
  absl::string_view user;  // as sent
  absl::string_view secret;
  // CRAM-MD5 (RFC 2195): what we had sent, and `secret` is the digest of it, 32
  // digits in hexadecimal. Empty: `secret` is the password.
  absl::string_view challenge;
};

class PasswordChecker {
 public:
  virtual ~PasswordChecker() = default;

  // Returns AuthGranted, with the identity that others know the user by, or one
  // of the refusals of auth/refusal.h: WrongCredentials() when sure, and
  // CannotTell() otherwise. For a user that does not exist the answer and the
  // time it takes are those for a wrong password. May wait. Thread-safe.
  virtual AuthMove Check(const Proof& proof, const SessionInfo& session) = 0;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_PASSWORD_CHECKER_H_
