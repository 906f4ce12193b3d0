// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_result.h"

#include <sasl/sasl.h>

#include "gtest/gtest.h"

namespace postern::auth {
namespace {

TEST(SaslResultTest, ErrorsOfTheServerAreOutages) {
  for (int result :
       {SASL_FAIL, SASL_NOMEM, SASL_NOMECH, SASL_TRYAGAIN, SASL_UNAVAIL,
        SASL_BADPARAM, SASL_NOTINIT, SASL_NOTDONE, SASL_BADVERS, SASL_CONFIGERR,
        SASL_INTERACT, -12345, 12345}) {
    EXPECT_EQ(OutcomeOfSaslResult(result), SaslOutcome::kOutage) << result;
  }
}

TEST(SaslResultTest, AllWrongCredentialsHaveTheSameOutcome) {
  for (int result :
       {SASL_BADAUTH, SASL_NOUSER, SASL_NOAUTHZ, SASL_NOVERIFY, SASL_TOOWEAK,
        SASL_ENCRYPT, SASL_TRANS, SASL_WEAKPASS, SASL_EXPIRED, SASL_DISABLED,
        SASL_PWLOCK, SASL_BADMAC, SASL_BADBINDING}) {
    EXPECT_EQ(OutcomeOfSaslResult(result), SaslOutcome::kWrong) << result;
  }
}

TEST(SaslResultTest, ProtocolErrorsAreMalformed) {
  EXPECT_EQ(OutcomeOfSaslResult(SASL_BADPROT), SaslOutcome::kMalformed);
  EXPECT_EQ(OutcomeOfSaslResult(SASL_BUFOVER), SaslOutcome::kMalformed);
}

TEST(SaslResultTest, OnlySaslOkIsProof) {
  for (int result = -200; result <= 200; ++result) {
    EXPECT_EQ(OutcomeOfSaslResult(result) == SaslOutcome::kProved,
              result == SASL_OK)
        << result;
    EXPECT_EQ(OutcomeOfSaslResult(result) == SaslOutcome::kGoesOn,
              result == SASL_CONTINUE)
        << result;
  }
}

}  // namespace
}  // namespace postern::auth
