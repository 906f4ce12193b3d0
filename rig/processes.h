// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What tests do with processes: they run client programs, and count what their
// own process has open.

#ifndef POSTERN_RIG_PROCESSES_H_
#define POSTERN_RIG_PROCESSES_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::rig {

struct Ended {
  std::string printed;  // the standard output
  // 128 and the signal's number if a signal ended the command. 124 if it took
  // too long: see timeout(1).
  int exit_code = -1;
};

// Runs a command with the shell and waits for its end. `command` begins with
// the name of a program, not with a keyword of the shell. It gets SIGTERM after
// `limit` (whole seconds), and SIGKILL 30 seconds later. Thread-safe.
Ended RunCommand(absl::string_view command,
                 absl::Duration limit = absl::Minutes(1));

// Returns the number of this process's descriptors, with one that it uses to
// count them.
size_t CountDescriptors();

// Returns the number of this process's threads. A thread that has been joined
// may be among them for a moment.
size_t CountThreads();

// Waits until there are `count` threads, for at most ten seconds. Returns
// CountThreads().
size_t WaitForThreads(size_t count);

}  // namespace postern::rig

#endif  // POSTERN_RIG_PROCESSES_H_
