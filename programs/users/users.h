// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command "postern users", which edits and checks a file of users.

#ifndef POSTERN_PROGRAMS_USERS_USERS_H_
#define POSTERN_PROGRAMS_USERS_USERS_H_

namespace postern::programs {

// Runs the command with the arguments after "users", as described in
// postern-users(8). Returns the exit code.
int RunUsers(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_USERS_USERS_H_
