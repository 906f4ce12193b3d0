// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern check: tests a configuration before a server uses it.

#ifndef POSTERN_PROGRAMS_CHECK_CHECK_H_
#define POSTERN_PROGRAMS_CHECK_CHECK_H_

namespace postern::programs {

// Runs the command with the arguments after "check". Returns the exit code: 0
// if there is no error, 1 if there is one, 100 after a mistake in the command
// line, 111 if the configuration could not be tested. The findings are on
// standard output.
int RunCheck(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_CHECK_H_
