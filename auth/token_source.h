// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Gets a bearer token from a program.

#ifndef POSTERN_AUTH_TOKEN_SOURCE_H_
#define POSTERN_AUTH_TOKEN_SOURCE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "system/session_variables.h"

namespace postern::auth {

struct BearerToken {
  std::string text;
  absl::Duration lifetime = absl::InfiniteDuration();
};

// Runs the program and waits for its end; kills it after `timeout`. It writes
// one line to descriptor 1, of at most 12,000 octets: the token (b64token of
// RFC 6750 2.1), and perhaps a space and the number of seconds for which the
// token is valid. Descriptor 0 is /dev/null, and descriptor 2 the standard
// error of this process. `environment` is its whole environment. Any exit code
// but 0 is an error. An error names the program, and contains nothing of what
// the program wrote. Thread-safe.
absl::StatusOr<BearerToken> AskForToken(const std::vector<std::string>& command,
                                        const system::Variables& environment,
                                        absl::Duration timeout);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_TOKEN_SOURCE_H_
