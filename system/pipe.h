// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Pipes to and from child processes.

#ifndef POSTERN_SYSTEM_PIPE_H_
#define POSTERN_SYSTEM_PIPE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "system/descriptor.h"

namespace postern::system {

// Makes a pipe for a child. Both ends are close-on-exec, and their numbers are
// at least ChildProcess::kDescriptors. Returns false if no descriptors are
// available, and then leaves both arguments as they were.
bool MakePipe(Descriptor* read_end, Descriptor* write_end);

// Makes read(2) and write(2) of this end of a new pipe return EAGAIN instead of
// waiting. Does not affect the other end. Returns false on an error.
bool SetNonblocking(const Descriptor& end);

// Returns how many octets of the pipe that `end` belongs to have been written
// but not read. Returns nullopt if that is not known, also if `end` is closed.
std::optional<size_t> UnreadOctets(const Descriptor& end);

// Appends what the nonblocking pipe `end` holds to `output`, until `output` has
// `max` octets. If it has them already, reads and discards a part of what the
// pipe holds, so that the program at the other end can continue. Closes `end`
// at the end of the pipe. Returns in a limited time even if the program writes
// without end.
void ReadAvailable(size_t max, Descriptor* end, std::string* output);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_PIPE_H_
