// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern init: writes a first configuration of a server.

#ifndef POSTERN_PROGRAMS_INIT_INIT_H_
#define POSTERN_PROGRAMS_INIT_INIT_H_

namespace postern::programs {

// Runs the command with the arguments after "init". Returns the exit code: 0 if
// the configuration is written and has no error, 1 if postern check finds one
// in it, 100 for wrong options and answers, 111 if it cannot be written.
int RunInit(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_INIT_INIT_H_
