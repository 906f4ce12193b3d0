// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The mechanisms that bring a PasswordChecker what it checks: PLAIN (RFC 4616),
// LOGIN (draft-murchison-sasl-login), CRAM-MD5 (RFC 2195).

#ifndef POSTERN_AUTH_PASSWORD_EXCHANGE_H_
#define POSTERN_AUTH_PASSWORD_EXCHANGE_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "auth/password_checker.h"
#include "engine/authenticator.h"
#include "engine/session_info.h"

namespace postern::auth {

struct PasswordExchangeOptions {
  // Who we are in CRAM-MD5's challenge; empty: the name that the client reached
  // us by.
  std::string host;
  // Accept any authorization identity in PLAIN, and log the client in as the
  // user whose password it has: the patches to qmail-smtpd do so.
  bool ignore_authorization_identity = false;
};

// Returns an exchange that calls `done` before it returns; null for another
// mechanism than these three. `checker` must outlive it. Secrets are wiped
// after use.
//
// PLAIN's authorization identity must be empty or the user's name, octet by
// octet: no user may act as another (RFC 4616 2). Otherwise the exchange is
// WrongCredentials(), the checker is not asked, and requested_identity() has
// the other name.
std::unique_ptr<AuthExchange> MakePasswordExchange(
    absl::string_view mechanism, PasswordChecker* checker,
    const SharedSessionInfo& session,
    const PasswordExchangeOptions& options = {});

// Returns a challenge for CRAM-MD5, "<UNIQUE.SECONDS@HOST>" (RFC 2195 2), which
// nobody can foresee; empty if the kernel gives no random numbers. HOST is
// `host` without what has no place there, 64 octets at most.
std::string MakeChallenge(absl::string_view host);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_PASSWORD_EXCHANGE_H_
