// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Descriptors that a program inherits: 0 to 2, and descriptors that an option
// names.

#ifndef POSTERN_SYSTEM_STANDARD_DESCRIPTORS_H_
#define POSTERN_SYSTEM_STANDARD_DESCRIPTORS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace postern::system {

// Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed. A
// program must call this first. Otherwise the next file or socket that it opens
// could become descriptor 2, and log lines would be written to it.
//
// Children inherit the descriptors that this function opens. If /dev/null
// cannot be opened, returns an error that names it; then the program must exit.
absl::Status OpenStandardDescriptors();

// Returns OK if descriptor `fd` is open for writing, and makes it
// close-on-exec. Otherwise returns InvalidArgument. Call this before the
// program opens any file that stays open, because `fd` could then be one of the
// program's own files.
absl::Status TakeInheritedOutput(int fd);

// Writes `text` to a descriptor of TakeInheritedOutput(), and closes it. The
// reader gets an end of file. Standard output becomes /dev/null, so that no
// later file gets its number. Ignores errors: the reader may have ended.
void WriteInheritedOutput(int fd, absl::string_view text);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_STANDARD_DESCRIPTORS_H_
