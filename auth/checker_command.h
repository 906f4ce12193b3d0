// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The arguments for AUTH in a run script, as the patches to qmail-smtpd defined
// them.

#ifndef POSTERN_AUTH_CHECKER_COMMAND_H_
#define POSTERN_AUTH_CHECKER_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::auth {

struct CheckerCommand {
  std::string host;  // empty if not given
  // The path of the checker, and the program that it runs if the password is
  // right.
  std::vector<std::string> command;
};

// Parses HOST CHECKER SUBPROGRAM..., or CHECKER SUBPROGRAM... Different patches
// used either form. If one form were taken for the other, the subprogram
// /bin/true would become the checker, and the server an open relay.
//
// The first argument is the checker if it has a slash or is found in `path`,
// which has the form of $PATH. Otherwise it is the host. Returns an error
// - if the first argument has no slash, both of the first two arguments are
//   programs, and a third follows, because both forms are then possible;
// - if the checker is not an executable file, is named true or false, or has no
//   subprogram.
absl::StatusOr<CheckerCommand> ReadCheckerCommand(
    absl::Span<const std::string> arguments, absl::string_view path);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CHECKER_COMMAND_H_
