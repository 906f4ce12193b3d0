// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The meaning of result codes of Cyrus SASL.

#ifndef POSTERN_AUTH_SASL_RESULT_H_
#define POSTERN_AUTH_SASL_RESULT_H_

#include <cstdint>

namespace postern::auth {

enum class SaslOutcome : uint8_t {
  kProved,     // the client is authenticated
  kGoesOn,     // the server sends a challenge
  kWrong,      // the credentials are wrong, or may not be used here
  kMalformed,  // the client's message does not follow the mechanism
  kOutage,     // the credentials cannot be checked now
};

// Returns the meaning of `result` (sasl/sasl.h: SASL_OK, SASL_BADAUTH and
// others) of a server step. An unknown user, a disabled user and a user that
// needs another mechanism all give kWrong. An unknown code gives kOutage.
SaslOutcome OutcomeOfSaslResult(int result);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_RESULT_H_
