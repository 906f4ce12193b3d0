// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Resolves paths.

#ifndef POSTERN_FILES_PATHS_H_
#define POSTERN_FILES_PATHS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern::files {

// Returns the path of the file at `path` without symbolic links, or `path`
// itself if there is no such file.
std::string ResolvePath(absl::string_view path);

// Returns the directory part of `path`, or "." if there is none.
std::string DirectoryOf(absl::string_view path);

}  // namespace postern::files

#endif  // POSTERN_FILES_PATHS_H_
