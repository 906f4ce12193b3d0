// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The arguments that a run script gives for AUTH, as qmail-smtpd's patches had
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
  std::string host;  // empty: not given
  // The checker, by its path, and what it runs when the password is right.
  std::vector<std::string> command;
};

// Reads HOST CHECKER SUBPROGRAM..., or CHECKER SUBPROGRAM...: there have been
// patches with either, and one taken for the other makes the subprogram,
// /bin/true, the checker, and the server an open relay. A first argument with a
// slash, or that is found in `path`, is a checker; any other is a host. Where
// both of the first two are programs nobody can tell, and it is an error, as is
// a checker that is not there, that is named true or false, or that has nothing
// to run. `path` is as $PATH.
absl::StatusOr<CheckerCommand> ReadCheckerCommand(
    absl::Span<const std::string> arguments, absl::string_view path);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CHECKER_COMMAND_H_
