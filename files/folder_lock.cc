// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "files/paths.h"

namespace postern::files {

absl::StatusOr<FolderLock> FolderLock::Take(absl::string_view path) {
  const std::string folder = FolderOf(ResolvePath(path));
  FolderLock lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const int fd = lock.folder_.get();
  int result = fd < 0 ? -1 : flock(fd, LOCK_EX);
  while (result != 0 && errno == EINTR) result = flock(fd, LOCK_EX);
  if (result != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat(path, ": cannot lock its directory ", folder));
  }
  return lock;
}

}  // namespace postern::files
