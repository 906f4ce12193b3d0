// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern relay: forwards messages from a queue to a next hop.

#ifndef POSTERN_PROGRAMS_RELAY_RELAY_COMMAND_H_
#define POSTERN_PROGRAMS_RELAY_RELAY_COMMAND_H_

namespace postern::programs {

// Runs the command with the arguments after "relay", as described in
// postern-relay(8), until SIGTERM or SIGINT. Returns the exit code: 0 after a
// signal, 100 after a mistake in the arguments, 111 if the queue cannot be
// used.
int RunRelay(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RELAY_RELAY_COMMAND_H_
