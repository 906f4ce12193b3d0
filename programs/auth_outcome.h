// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What came of an AUTH.

#ifndef POSTERN_PROGRAMS_AUTH_OUTCOME_H_
#define POSTERN_PROGRAMS_AUTH_OUTCOME_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace postern::programs {

enum class AuthOutcome : uint8_t {
  kSuccess,
  kFailure,    // wrong credentials
  kMalformed,  // what was sent makes no sense: 501
  kError,      // nobody could tell: 454
  kLimit,      // too many failures before it
};

// The word for it, in the log and elsewhere: "success".
inline absl::string_view AuthOutcomeName(AuthOutcome outcome) {
  switch (outcome) {
    case AuthOutcome::kSuccess:
      return "success";
    case AuthOutcome::kFailure:
      return "failure";
    case AuthOutcome::kMalformed:
      return "malformed";
    case AuthOutcome::kError:
      return "error";
    case AuthOutcome::kLimit:
      return "limit";
  }
  return "";
}

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_AUTH_OUTCOME_H_
