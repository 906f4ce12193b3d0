// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What is in a file.

#ifndef POSTERN_FILES_CONTENT_H_
#define POSTERN_FILES_CONTENT_H_

#include <sys/stat.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::files {

struct Content {
  std::string bytes;
  struct stat facts = {};  // of the file that was read
};

// Reads all of the file `path`. kNotFound: there is no such file; other errors,
// of a folder, a loop of links or a disk, have the code of errno. All name the
// path. Does not wait for a FIFO's writer.
absl::StatusOr<Content> ReadContent(absl::string_view path);

}  // namespace postern::files

#endif  // POSTERN_FILES_CONTENT_H_
