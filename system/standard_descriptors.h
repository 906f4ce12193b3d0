// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Descriptors that a program inherits: 0 to 2, and those that an option names.

#ifndef POSTERN_SYSTEM_STANDARD_DESCRIPTORS_H_
#define POSTERN_SYSTEM_STANDARD_DESCRIPTORS_H_

#include "absl/status/status.h"

namespace postern::system {

// Opens /dev/null at each of the descriptors 0, 1 and 2 that is closed, as the
// first thing that a program does. Otherwise the next file or socket that it
// opens becomes descriptor 2, and log lines are written into that.
//
// Children inherit what is opened here. Returns an error that names /dev/null
// if that cannot be opened: then the program must end.
absl::Status OpenStandardDescriptors();

// Returns OK if the caller was started with descriptor `fd` open for writing,
// and then has exec(2) close it. Otherwise returns InvalidArgument. To be
// called before the program opens any file that it keeps: later `fd` can be one
// of the program's own.
absl::Status TakeInheritedOutput(int fd);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_STANDARD_DESCRIPTORS_H_
