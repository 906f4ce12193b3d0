// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern replay: runs a recorded session again.

#ifndef POSTERN_PROGRAMS_REPLAY_REPLAY_H_
#define POSTERN_PROGRAMS_REPLAY_REPLAY_H_

namespace postern::programs {

// Runs the command with the arguments after "replay", as described in
// postern-replay(8). Returns the exit code: 0 if the session is as the file has
// it, 1 if it is not, 100 after a mistake in the arguments or in the file, 111
// if the file cannot be read.
int RunReplay(int argc, const char* const* argv);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_REPLAY_REPLAY_H_
