// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern config: shows the configuration of a server.

#ifndef POSTERN_PROGRAMS_CONFIG_CONFIG_H_
#define POSTERN_PROGRAMS_CONFIG_CONFIG_H_

namespace postern::programs {

// Runs the command with the arguments after "config". Returns the exit code: 0
// if the configuration is on standard output, 100 for wrong options, 111 if it
// cannot be written.
int RunConfig(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CONFIG_CONFIG_H_
