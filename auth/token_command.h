// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Checks bearer tokens with a program.

#ifndef POSTERN_AUTH_TOKEN_COMMAND_H_
#define POSTERN_AUTH_TOKEN_COMMAND_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "auth/backend.h"
#include "auth/token_checker.h"
#include "log/report.h"
#include "system/session_variables.h"

namespace postern::auth {

struct TokenCommandOptions {
  // The path of the program, and its arguments.
  std::vector<std::string> command;
  // The program is killed after this time.
  absl::Duration timeout = absl::Seconds(60);
  // The environment of the program, before SessionVariables():
  // system::ServiceVariables() or system::UcspiVariables().
  system::Variables environment;
  log::Report report;
};

// Runs the program once for each token. The program reads
//
//   token NUL user NUL
//
// from descriptor 3, where user is the name that the client sent, or empty. It
// writes the identity of the user to whom the token was issued to descriptor 1,
// as one line of at most 512 octets. kCheckerExits (auth/checker_process.h)
// lists its exit codes. The result is Outage(), and the reason is reported,
// after an outage, a timeout, or a line that is not a name. AskChecker()
// describes the rest of the interface. Thread-safe.
class TokenCommand : public TokenChecker {
 public:
  explicit TokenCommand(TokenCommandOptions options);

  AuthAnswer Check(const TokenCredentials& credentials,
                   const SessionInfo& session) override;

 private:
  const TokenCommandOptions options_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_TOKEN_COMMAND_H_
