// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The replies that refuse AUTH (RFC 4954 6). They do not show whether a user
// exists.

#ifndef POSTERN_AUTH_REFUSAL_H_
#define POSTERN_AUTH_REFUSAL_H_

#include "engine/verdict.h"

namespace postern::auth {

// 535 5.7.8: the credentials are wrong, or the user does not exist.
Verdict WrongCredentials();
// CannotAuthenticate(): the backend could not decide. Never used for wrong
// credentials.
Verdict Outage();
// 501 5.5.2: the client's message does not follow the mechanism.
Verdict Malformed();
// 501 5.7.0: the client sent an initial response, but in this mechanism the
// server sends the first message (RFC 4954 4).
Verdict ServerIsFirst();

}  // namespace postern::auth

#endif  // POSTERN_AUTH_REFUSAL_H_
