// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A lock that excludes concurrent writers of a file.

#ifndef POSTERN_FILES_DIRECTORY_LOCK_H_
#define POSTERN_FILES_DIRECTORY_LOCK_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "system/descriptor.h"

namespace postern::files {

// Holds a lock (flock(2)) on the directory of a file until it is destroyed. The
// file itself cannot be locked, because writers replace it: a process that
// waited for a lock on the old file would get a lock on a file that is no
// longer there. Readers need no lock.
class DirectoryLock {
 public:
  // Waits for the lock on the directory of the file at `path`. If `path` is a
  // symbolic link, this is the directory of the link's target. Errors have the
  // code of errno and name the path.
  static absl::StatusOr<DirectoryLock> Take(absl::string_view path);

 private:
  explicit DirectoryLock(int fd) : directory_(fd) {}

  system::Descriptor directory_;
};

}  // namespace postern::files

#endif  // POSTERN_FILES_DIRECTORY_LOCK_H_
