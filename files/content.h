// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads a file into memory.

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

// Reads the whole file `path`, which may have at most `max_size` bytes. Without
// a limit, a sparse file of 8 TiB, which costs its owner nothing, would exhaust
// the memory of the process. Does not wait for the writer of a FIFO.
//
// Returns kNotFound if the file does not exist, kInvalidArgument if it is too
// large, kFailedPrecondition if it is a FIFO, and the code of errno otherwise,
// for example for a directory, a loop of links or a disk error. Each error
// names the path.
absl::StatusOr<Content> ReadContent(absl::string_view path, size_t max_size);

}  // namespace postern::files

#endif  // POSTERN_FILES_CONTENT_H_
