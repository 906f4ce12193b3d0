// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command "postern users", which edits and checks a file of users.

#ifndef POSTERN_PROGRAMS_USERS_USERS_H_
#define POSTERN_PROGRAMS_USERS_USERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/wipe.h"

namespace postern::programs {

// Runs the command with the arguments after "users", as described in
// postern-users(8). Returns the exit code.
int RunUsers(int argc, const char* const* argv);

// Asks on the terminal for the new password of `user`, twice. Errors are those
// of AskPassword(), and kInvalidArgument if the two passwords differ.
absl::StatusOr<Secret> AskNewPassword(absl::string_view user);

// Sets the password of `user` in the file of users `file`, which is made if it
// does not exist, as "postern users add" does without options. Errors are those
// of auth::EditUsers().
absl::Status SetPassword(const std::string& file, absl::string_view user,
                         const Secret& password);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_USERS_USERS_H_
