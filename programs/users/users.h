// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern users: what an operator does with a file of users.

#ifndef POSTERN_PROGRAMS_USERS_USERS_H_
#define POSTERN_PROGRAMS_USERS_USERS_H_

namespace postern::programs {

// Does what the arguments behind "users" say, as postern-users(8) has it, and
// returns the exit code.
int RunUsers(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_USERS_USERS_H_
