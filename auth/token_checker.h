// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Tells whose a bearer token (RFC 6750) is.

#ifndef POSTERN_AUTH_TOKEN_CHECKER_H_
#define POSTERN_AUTH_TOKEN_CHECKER_H_

#include "absl/strings/string_view.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern::auth {

// What a client has sent to prove who it is. Lent for one call.
struct BearerProof {
  absl::string_view token;  // not empty; RFC 6750 2.1's characters
  // Who the client says it is: a hint, which proves nothing. UTF-8 without
  // control characters; empty: it has named nobody.
  absl::string_view user;
};

class TokenChecker {
 public:
  virtual ~TokenChecker() = default;

  // Returns AuthGranted, with the identity of whom the token was issued to,
  // whoever the client says it is, or one of the refusals of auth/refusal.h:
  // WrongCredentials() when sure, and CannotTell() otherwise. May wait.
  // Thread-safe.
  virtual AuthMove Check(const BearerProof& proof,
                         const SessionInfo& session) = 0;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_TOKEN_CHECKER_H_
