// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The replies that refuse an AUTH, RFC 4954 6: which of them a client hears
// tells it nothing of which users there are.

#ifndef POSTERN_AUTH_REFUSAL_H_
#define POSTERN_AUTH_REFUSAL_H_

#include "engine/verdict.h"

namespace postern::auth {

// 535 5.7.8: the credentials are not right, or there is no such user.
Verdict WrongCredentials();
// CannotAuthenticate(): the backend could not decide. Never for credentials
// that are wrong.
Verdict CannotTell();
// 501 5.5.2: what the client sent is not what the mechanism has it send.
Verdict Malformed();
// 501 5.7.0: an initial response to a mechanism in which the server is first
// (RFC 4954 4).
Verdict ServerIsFirst();

}  // namespace postern::auth

#endif  // POSTERN_AUTH_REFUSAL_H_
