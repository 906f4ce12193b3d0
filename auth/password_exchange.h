// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The mechanisms for which a PasswordChecker checks the password: PLAIN
// (RFC 4616), LOGIN (draft-murchison-sasl-login) and CRAM-MD5 (RFC 2195).

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
  // The host name in CRAM-MD5's challenge. If empty, SessionInfo::local_name.
  std::string host;
  // Accept any authorization identity in PLAIN, and log the client in as the
  // user whose password it sent, as the patches to qmail-smtpd do.
  bool ignore_authorization_identity = false;
};

// Returns an exchange that calls `done` before its calls return, or null if
// `mechanism` is none of the three. `checker` must outlive the exchange. The
// exchange wipes secrets after use.
//
// The authorization identity of PLAIN must be empty or equal to the user's
// name, octet by octet, because no user may act as another (RFC 4616 2).
// Otherwise the result is WrongCredentials() without a call of the checker, and
// requested_identity() returns the other name.
std::unique_ptr<AuthExchange> MakePasswordExchange(
    absl::string_view mechanism, PasswordChecker* checker,
    const SharedSessionInfo& session,
    const PasswordExchangeOptions& options = {});

// Returns a challenge for CRAM-MD5, "<UNIQUE.SECONDS@HOST>" (RFC 2195 2), which
// cannot be predicted. Returns the empty string if the kernel has no random
// numbers. HOST is at most 64 octets of `host`, without characters that are not
// allowed there.
std::string MakeChallenge(absl::string_view host);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_PASSWORD_EXCHANGE_H_
