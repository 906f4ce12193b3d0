// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A program that knows bearer tokens.

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
  // The program, by its path, and its arguments.
  std::vector<std::string> command;
  // How long the program may take before it is killed.
  absl::Duration timeout = absl::Seconds(60);
  // What the program finds in its environment before SessionVariables():
  // system::ServiceVariables() or system::UcspiVariables().
  system::Variables environment;
  log::Report report;
};

// Runs the program for each token: it reads
//
//   token NUL user NUL
//
// from descriptor 3, the user being whom the client has named, if anyone, and
// writes the identity of whom the token was issued to as one line, of 512
// octets at most, to descriptor 1. kCheckerExits (auth/checker_process.h) says
// what its exit codes mean. An outage, a line that is no name, and no end in
// time are CannotTell() and reported: see AskChecker() for that, and for what
// else the program finds.
// Thread-safe.
class TokenCommand : public TokenChecker {
 public:
  explicit TokenCommand(TokenCommandOptions options);

  AuthMove Check(const BearerProof& proof, const SessionInfo& session) override;

 private:
  const TokenCommandOptions options_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_TOKEN_COMMAND_H_
