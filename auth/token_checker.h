// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface that checks bearer tokens (RFC 6750).

#ifndef POSTERN_AUTH_TOKEN_CHECKER_H_
#define POSTERN_AUTH_TOKEN_CHECKER_H_

#include "absl/strings/string_view.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern::auth {

// The credentials that a client has sent. Valid for one call.
struct TokenCredentials {
  absl::string_view token;  // not empty; characters of RFC 6750 2.1
  // The user that the client names, which is a hint and proves nothing: UTF-8
  // without control characters, or empty if it names none.
  absl::string_view user;
};

class TokenChecker {
 public:
  virtual ~TokenChecker() = default;

  // Returns AuthGranted with the identity of the user to whom the token was
  // issued, even if `user` is another, or one of the refusals of
  // auth/refusal.h: WrongCredentials() if the checker is certain, Outage()
  // otherwise. May block. Thread-safe.
  virtual AuthAnswer Check(const TokenCredentials& credentials,
                           const SessionInfo& session) = 0;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_TOKEN_CHECKER_H_
