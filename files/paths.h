// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where a path leads.

#ifndef POSTERN_FILES_PATHS_H_
#define POSTERN_FILES_PATHS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern::files {

// Returns the path without symbolic links of what is at `path`, or `path` where
// nothing is.
std::string ResolvePath(absl::string_view path);

// Returns the path of the folder that `path` is in: "." if it names none.
std::string FolderOf(absl::string_view path);

}  // namespace postern::files

#endif  // POSTERN_FILES_PATHS_H_
