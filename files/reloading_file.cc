// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/reloading_file.h"

namespace postern::files {

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
         a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_mode == b.st_mode;
}

}  // namespace postern::files
