// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Keeps two writers of one file apart.

#ifndef POSTERN_FILES_FOLDER_LOCK_H_
#define POSTERN_FILES_FOLDER_LOCK_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "system/descriptor.h"

namespace postern::files {

// A lock (flock(2)) on the folder of a file, until the end: the file itself is
// replaced, and who waited for the old one's lock would have that of a file
// that is gone. Readers need none.
class FolderLock {
 public:
  // Waits until nobody else has the lock of the folder that the file at `path`,
  // or what the link there leads to, is in. Errors have the code of errno, and
  // name the path.
  static absl::StatusOr<FolderLock> Take(absl::string_view path);

 private:
  explicit FolderLock(int fd) : folder_(fd) {}

  system::Descriptor folder_;
};

}  // namespace postern::files

#endif  // POSTERN_FILES_FOLDER_LOCK_H_
