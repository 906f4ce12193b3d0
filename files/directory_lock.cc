// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/directory_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "files/paths.h"

namespace postern::files {

absl::StatusOr<DirectoryLock> DirectoryLock::Take(absl::string_view path) {
  const std::string directory = DirectoryOf(ResolvePath(path));
  DirectoryLock lock(
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const int fd = lock.directory_.get();
  int result = fd < 0 ? -1 : flock(fd, LOCK_EX);
  while (result != 0 && errno == EINTR) result = flock(fd, LOCK_EX);
  if (result != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat(path, ": cannot lock its directory ", directory));
  }
  return lock;
}

}  // namespace postern::files
