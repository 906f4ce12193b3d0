// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_result.h"

#include <sasl/sasl.h>

namespace postern::auth {

SaslOutcome OutcomeOfSaslResult(int result) {
  switch (result) {
    case SASL_OK:
      return SaslOutcome::kProved;
    case SASL_CONTINUE:
      return SaslOutcome::kGoesOn;

    case SASL_BADAUTH:
    case SASL_NOUSER:
    case SASL_NOAUTHZ:
    case SASL_NOVERIFY:
    case SASL_TOOWEAK:
    case SASL_ENCRYPT:
    case SASL_TRANS:
    case SASL_WEAKPASS:
    case SASL_EXPIRED:
    case SASL_DISABLED:
    case SASL_PWLOCK:
    case SASL_BADMAC:
    case SASL_BADBINDING:
      return SaslOutcome::kWrong;

    case SASL_BADPROT:
    case SASL_BUFOVER:  // a name of more than 1,024 octets
      return SaslOutcome::kMalformed;

    default:
      return SaslOutcome::kOutage;
  }
}

}  // namespace postern::auth
