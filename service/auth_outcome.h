// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The outcomes of an AUTH exchange.

#ifndef POSTERN_SERVICE_AUTH_OUTCOME_H_
#define POSTERN_SERVICE_AUTH_OUTCOME_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace postern::service {

enum class AuthOutcome : uint8_t {
  kSuccess,
  kFailure,    // wrong credentials
  kMalformed,  // the client's messages are invalid: 501
  kOutage,     // the backend could not decide: 454
  kLimit,      // refused because of earlier failures
  kCancelled,  // the client sent "*" or disconnected before a result
  // The client proved that its credentials are right and disconnected before
  // the login, like a client that only tries passwords.
  kUnconfirmed,
};

// Returns the name in the log and in the metrics, such as "success".
inline absl::string_view AuthOutcomeName(AuthOutcome outcome) {
  switch (outcome) {
    case AuthOutcome::kSuccess:
      return "success";
    case AuthOutcome::kFailure:
      return "failure";
    case AuthOutcome::kMalformed:
      return "malformed";
    case AuthOutcome::kOutage:
      return "outage";
    case AuthOutcome::kLimit:
      return "limit";
    case AuthOutcome::kCancelled:
      return "cancelled";
    case AuthOutcome::kUnconfirmed:
      return "unconfirmed";
  }
  return "";
}

}  // namespace postern::service

#endif  // POSTERN_SERVICE_AUTH_OUTCOME_H_
