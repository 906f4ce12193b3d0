// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Replaces a file atomically. A process that opens the path gets either the old
// file or the new file, each complete, even if the replacement fails.

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

// Returns the path of the temporary file for the file at `path`, or for the
// target of a symbolic link there: DIRECTORY/.NAME.new.
std::string TemporaryPath(absl::string_view path);

// A temporary file in the same directory (TemporaryPath()), which exists until
// Commit() or the destructor. A process that is killed leaves the file, and the
// next Begin() removes it. Therefore only one Replacement may exist for a path
// at a time: hold a DirectoryLock (files/directory_lock.h).
//
// To change two files together, use two phases:
//
// 1. Prepare() of the first file makes it durable under its temporary name.
// 2. Commit() of the second file is the moment at which both files change. The
//   second file must contain a mark from which a reader knows this.
// 3. Commit() of the first file.
//
// After a crash, a process that finds the temporary file of the first reads the
// mark in the second. Then it calls CommitPrepared() or RemoveTemporary().
class Replacement {
 public:
  // Creates an empty temporary file. Its mode, owner and group are those of the
  // file at `path`; if that does not exist, those of the file at `like`; and if
  // neither exists, the mode is `mode`. If owner and group cannot be kept,
  // returns an error, because other users could then read the new file. If
  // `path` is a symbolic link, its target is replaced.
  //
  // Here and below, errors name the path and have the code of errno, except for
  // kFailedPrecondition if `path` is not a regular file.
  static absl::StatusOr<Replacement> Begin(absl::string_view path, mode_t mode,
                                           absl::string_view like = "");

  Replacement(Replacement&& other) noexcept;
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  Replacement& operator=(Replacement&&) = delete;
  // Removes the temporary file if it is not committed or prepared.
  ~Replacement();

  // Appends `bytes`.
  absl::Status Write(absl::string_view bytes);

  // The descriptor, open for reading and writing. The object keeps ownership.
  int fd() const { return file_.get(); }

  // Writes the data to the disk (fsync(2)). A later Commit() then waits only
  // for the directory.
  absl::Status Sync();

  // Calls Sync() and makes the temporary file permanent: neither a crash nor
  // the destructor removes it. This is so even after an error, if only fsync(2)
  // of the directory failed.
  absl::Status Prepare();

  // Moves the file to its path, durably: calls fsync(2) for the file and for
  // its directory. Nothing may be written to the file after it. If an error
  // concerns the directory, the new file is at its path, but a crash may bring
  // back the old one.
  absl::Status Commit();

 private:
  Replacement(system::Descriptor file, absl::string_view path,
              std::string place, std::string temporary)
      : file_(std::move(file)),
        path_(path),
        place_(std::move(place)),
        temporary_(std::move(temporary)) {}

  absl::Status Error(absl::string_view what) const;  // from errno

  system::Descriptor file_;
  bool synced_ = false;
  bool prepared_ = false;
  std::string path_;       // the argument of Begin()
  std::string place_;      // without symbolic links
  std::string temporary_;  // empty after Commit()
};

// Moves the temporary file for `path`, which Prepare() left, to its path,
// durably. Errors are those of Replacement::Commit(). Returns kNotFound if
// there is no temporary file.
absl::Status CommitPrepared(absl::string_view path);

// Removes the temporary file for `path`, if there is one.
absl::Status RemoveTemporary(absl::string_view path);

}  // namespace postern::files

#endif  // POSTERN_FILES_REPLACEMENT_H_
