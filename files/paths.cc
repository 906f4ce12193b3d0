// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/paths.h"

#include <limits.h>
#include <stdlib.h>

#include <cstddef>

namespace postern::files {

std::string ResolvePath(absl::string_view path) {
  std::string name(path);
  char resolved[PATH_MAX];
  return realpath(name.c_str(), resolved) != nullptr ? resolved : name;
}

std::string DirectoryOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

}  // namespace postern::files
