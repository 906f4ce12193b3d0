// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The system calls that a Maildir is made of, so that tests can make each of
// them fail (delivery/faulty_file_system.h).
//
// Results are the kernel's own: zero or more for success, a negative errno for
// failure. A Status would lose the errno, and the difference between ENOSPC
// and EIO is the difference between 452 and 451.

#ifndef POSTERN_DELIVERY_FILE_SYSTEM_H_
#define POSTERN_DELIVERY_FILE_SYSTEM_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::delivery {

// Each method is the system call of its name, once: interrupted and short
// calls are the caller's to go on with. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // openat(2). `directory` may be AT_FDCWD.
  virtual int OpenAt(int directory, const std::string& name, int flags,
                     mode_t mode) = 0;
  virtual ssize_t Write(int fd, absl::string_view data) = 0;
  // pread(2).
  virtual ssize_t Read(int fd, char* data, size_t size, uint64_t offset) = 0;
  // copy_file_range(2), from `offset` of one to the position of the other.
  virtual ssize_t Copy(int from, uint64_t offset, int to, size_t size) = 0;
  virtual int Fsync(int fd) = 0;
  virtual int Close(int fd) = 0;
  // renameat2(2), RENAME_NOREPLACE: fails with EEXIST rather than replace.
  virtual int RenameAt(int from_directory, const std::string& from,
                       int to_directory, const std::string& to) = 0;
  // linkat(2), no flags: fails with EEXIST rather than replace.
  virtual int LinkAt(int from_directory, const std::string& from,
                     int to_directory, const std::string& to) = 0;
  virtual int UnlinkAt(int directory, const std::string& name) = 0;
  virtual int Stat(int fd, struct stat* status) = 0;        // fstat(2)
  virtual int Chown(int fd, uid_t owner, gid_t group) = 0;  // fchown(2)
  // getdents64(2).
  virtual ssize_t ReadDirectory(int fd, char* data, size_t size) = 0;
  virtual uid_t EffectiveUser() = 0;  // geteuid(2), which does not fail
};

// Returns the kernel's file system. It has no state and lives forever.
FileSystem& PosixFileSystem();

// The following go on where a call was interrupted or short, and return zero
// (OpenFile: the descriptor) or a negative errno.

// Opens `name` below `directory`, close-on-exec.
int OpenFile(FileSystem& files, int directory, const std::string& name,
             int flags, mode_t mode = 0);

// Writes all of `data` to `fd`.
int WriteAll(FileSystem& files, int fd, absl::string_view data);

// Appends `size` bytes of `from`, beginning at `offset`, to `to`, in the kernel
// where it can and through a small buffer where it cannot. -EIO if `from` has
// fewer.
int CopyAll(FileSystem& files, int from, uint64_t offset, int to,
            uint64_t size);

// Gives a file another name, which is not taken: else -EEXIST. By a link where
// the file system cannot rename so (NFS): then the old name may stay as well,
// and the result is 1. Any other error may have come after the deed.
int MoveFile(FileSystem& files, int from_directory, const std::string& from,
             int to_directory, const std::string& to);

// Returns 1 if the directory `path` holds anything, 0 if it is empty, or a
// negative errno. One that this process may not read (EACCES) holds something
// if its link count says that it has subdirectories; of files that says
// nothing, and some file systems (Btrfs, overlayfs) do not count.
int HoldsEntries(FileSystem& files, const std::string& path);

// Removes `name`. That it is gone already is success.
int RemoveFile(FileSystem& files, int directory, const std::string& name);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FILE_SYSTEM_H_
