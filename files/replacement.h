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
#include "system/descriptor.h"

namespace postern::files {

// Returns the path of the temporary file for the file at `path`, or for what
// the symbolic link there leads to: DIRECTORY/.NAME.new.
std::string TemporaryPath(absl::string_view path);

// A temporary file beside the path (TemporaryPath()), until Commit() or the
// end. A process that is killed leaves it there, and the next Begin() removes
// it. So there is one at a time for each path: hold a FolderLock
// (files/folder_lock.h).
//
// Two files change together by two phases. Prepare() makes the first durable
// under its temporary name; the Commit() of the second is the moment at which
// both have changed, and must leave a trace in the second by which a reader can
// tell; then comes the Commit() of the first. After a crash, a process that
// finds the temporary file reads the trace, and calls CommitPrepared() or
// RemoveTemporary().
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
  int fd() const { return file_.get(); }

  // Writes all to the disk. A Commit() after it waits for the directory alone.
  absl::Status Sync();

  // The same, and the temporary file is there to stay: a crash does not lose
  // it, and neither does an end without Commit(), also after an error here.
  absl::Status Prepare();

  // Puts the file in its place, durably (fsync(2) of it and of its folder).
  // Nothing may be written afterwards. After an error of the folder's the new
  // file is in its place, but may not be after a crash.
  absl::Status Commit();

 private:
  Replacement(system::Descriptor file, absl::string_view path,
              std::string place, std::string temporary)
      : file_(std::move(file)),
        path_(path),
        place_(std::move(place)),
        temporary_(std::move(temporary)) {}

  absl::Status Error(absl::string_view what) const;  // of errno

  system::Descriptor file_;
  bool synced_ = false;
  bool prepared_ = false;
  std::string path_;       // as given
  std::string place_;      // where it leads
  std::string temporary_;  // its path; empty: committed
};

// Puts the temporary file for `path`, which Prepare() has left, in its place,
// durably. Errors are those of Replacement::Commit(); kNotFound: there is none.
absl::Status CommitPrepared(absl::string_view path);

// Removes the temporary file for `path`, if there is one.
absl::Status RemoveTemporary(absl::string_view path);

}  // namespace postern::files

#endif  // POSTERN_FILES_REPLACEMENT_H_
