// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a result of Cyrus SASL says of a client.

#ifndef POSTERN_AUTH_SASL_RESULT_H_
#define POSTERN_AUTH_SASL_RESULT_H_

#include <cstdint>

namespace postern::auth {

enum class SaslOutcome : uint8_t {
  kProved,      // the client is who it says
  kGoesOn,      // a challenge is to be sent
  kWrong,       // the credentials are not right, or not of use here
  kMalformed,   // not what the mechanism has the client send
  kCannotTell,  // something here does not work
};

// Returns what `result` (sasl/sasl.h: SASL_OK, SASL_BADAUTH...), of a step of
// the server's, means. Whether there is such a user, whether it is disabled and
// how it has to authenticate are all kWrong. What is not known is kCannotTell.
SaslOutcome OutcomeOfSaslResult(int result);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_RESULT_H_
