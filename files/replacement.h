// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file that takes another's place, all at once: whoever opens the path gets
// the old one or the new one, each whole, whatever fails on the way.

#ifndef POSTERN_FILES_REPLACEMENT_H_
#define POSTERN_FILES_REPLACEMENT_H_

#include <sys/types.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::files {

// A temporary file beside the path, until Commit() or the end. What a process
// that was killed leaves behind is PATH.XXXXXX, six letters.
class Replacement {
 public:
  // Begins an empty file. It has the mode, the owner and the group of the file
  // at `path`, or of that at `like` where there is none, or `mode` where there
  // is neither. Where these cannot be kept it is an error, since the new file
  // would be read by others than the old. A symbolic link is followed: what it
  // leads to is replaced. Errors here and below have the code of errno, but for
  // kFailedPrecondition where something else than a file is, and name the path.
  static absl::StatusOr<Replacement> Begin(absl::string_view path, mode_t mode,
                                           absl::string_view like = "");

  Replacement(Replacement&& other) noexcept;
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  Replacement& operator=(Replacement&&) = delete;
  // Removes what was not committed.
  ~Replacement();

  // Appends `bytes`.
  absl::Status Write(absl::string_view bytes);

  // Open for reading and writing; stays the object's.
  int fd() const { return fd_; }

  // Writes all to the disk. A Commit() behind it has nothing to wait for but
  // the folder: for two files that are to change together.
  absl::Status Sync();

  // Puts the file in its place, durably (fsync(2) of it and of its folder).
  // Nothing may be written afterwards. After an error of the folder's the new
  // file is in its place, but may not be after a crash.
  absl::Status Commit();

 private:
  Replacement(int fd, absl::string_view path, std::string place,
              std::string temporary)
      : fd_(fd),
        path_(path),
        place_(std::move(place)),
        temporary_(std::move(temporary)) {}

  absl::Status Error(absl::string_view what) const;  // of errno

  int fd_ = -1;
  bool synced_ = false;
  std::string path_;       // as given
  std::string place_;      // where it leads
  std::string temporary_;  // its path; empty: committed
};

}  // namespace postern::files

#endif  // POSTERN_FILES_REPLACEMENT_H_
