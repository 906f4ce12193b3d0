// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface that checks a user's password.

#ifndef POSTERN_AUTH_PASSWORD_CHECKER_H_
#define POSTERN_AUTH_PASSWORD_CHECKER_H_

#include "absl/strings/string_view.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern::auth {

// The credentials that a client has sent. They contain no NUL, and neither
// `user` nor `secret` is empty. Valid for one call.
struct PasswordCredentials {
  absl::string_view user;  // as the client sent it
  absl::string_view secret;
  // For CRAM-MD5 (RFC 2195): the challenge that the server sent. `secret` is
  // then the digest, 32 hexadecimal digits. If empty, `secret` is the password.
  absl::string_view challenge;
};

class PasswordChecker {
 public:
  virtual ~PasswordChecker() = default;

  // Returns AuthGranted with the user's identity, or one of the refusals of
  // auth/refusal.h: WrongCredentials() if the checker is certain, Outage()
  // otherwise. For a user that does not exist, the answer and the time that it
  // takes are the same as for a wrong password. May block. Thread-safe.
  virtual AuthAnswer Check(const PasswordCredentials& credentials,
                           const SessionInfo& session) = 0;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_PASSWORD_CHECKER_H_
