// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What is in a file.

#ifndef POSTERN_FILES_CONTENT_H_
#define POSTERN_FILES_CONTENT_H_

#include <sys/stat.h>

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::files {

struct Content {
  std::string bytes;
  struct stat facts = {};  // of the file that was read
};

// Reads all of the file `path`, whose size must not be above `max_size` octets:
// a file of 8 TiB costs its owner nothing if it is sparse, and a process that
// reads it dies. Returns kNotFound if there is no such file, kInvalidArgument
// if it is larger, kFailedPrecondition if it is a FIFO, and the code of errno
// for a directory, a loop of links or a disk that fails. Each error names the
// path. Does not wait for a FIFO's writer.
absl::StatusOr<Content> ReadContent(absl::string_view path, size_t max_size);

}  // namespace postern::files

#endif  // POSTERN_FILES_CONTENT_H_
