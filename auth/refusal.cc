// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/refusal.h"

#include "engine/authenticator.h"

namespace postern::auth {

Verdict WrongCredentials() {
  return Verdict::Refuse({535, {5, 7, 8}, "authorization failed (#5.7.8)"});
}

Verdict Outage() { return Verdict::Refuse(CannotAuthenticate()); }

Verdict Malformed() {
  return Verdict::Refuse({501, {5, 5, 2}, "malformed auth input (#5.5.2)"});
}

Verdict ServerIsFirst() {
  return Verdict::Refuse({501, {5, 7, 0}, "no initial response here (#5.7.0)"});
}

}  // namespace postern::auth
