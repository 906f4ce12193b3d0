// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The system calls that a Maildir delivery uses, as an interface, so that tests
// can make each of them fail (delivery/faulty_file_system.h).
//
// Results are zero or more for success and a negative errno for failure. A
// Status would lose the errno, which decides the reply: ENOSPC is a 452, EIO a
// 451.

#ifndef POSTERN_DELIVERY_FILE_SYSTEM_H_
#define POSTERN_DELIVERY_FILE_SYSTEM_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::delivery {

// Each method makes one system call of its name. It does not repeat a call that
// was interrupted or short. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // openat(2). `directory` may be AT_FDCWD.
  virtual int OpenAt(int directory, const std::string& name, int flags,
                     mode_t mode) = 0;
  virtual ssize_t Write(int fd, absl::string_view data) = 0;
  // pread(2).
  virtual ssize_t Read(int fd, char* data, size_t size, uint64_t offset) = 0;
  // copy_file_range(2), from `offset` in `from` to the file position of `to`.
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

// Returns the file system that makes the real system calls. It has no state and
// is never destroyed.
FileSystem& PosixFileSystem();

// The following functions repeat a call that was interrupted and continue one
// that was short. Unless they say otherwise, they return zero or a negative
// errno. MoveFile() repeats no call, since a call that fails may have worked.

// Opens `name` relative to `directory`, with O_CLOEXEC. Returns the descriptor
// or a negative errno.
int OpenFile(FileSystem& files, int directory, const std::string& name,
             int flags, mode_t mode = 0);

// Writes all of `data` to `fd`.
int WriteAll(FileSystem& files, int fd, absl::string_view data);

// Writes `size` bytes of `from`, beginning at `offset`, to the file position of
// `to`. The kernel copies them if it can, otherwise a small buffer does.
// Returns -EIO if `from` has fewer bytes.
int CopyAll(FileSystem& files, int from, uint64_t offset, int to,
            uint64_t size);

// Renames a file, and never replaces another file: returns -EEXIST if the new
// name is taken. If the file system cannot do that with a rename (NFS), uses
// link() and unlink(). If then the unlink() fails, the file has both names and
// the result is 1. After any other error the file may have the new name.
int MoveFile(FileSystem& files, int from_directory, const std::string& from,
             int to_directory, const std::string& to);

// Returns 1 if the directory `path` has entries, 0 if it is empty, or a
// negative errno. If this process may not read the directory (EACCES), returns
// 1 if the link count shows subdirectories, and -EACCES otherwise: the link
// count does not include files, and some file systems (Btrfs, overlayfs) do not
// maintain it.
int HoldsEntries(FileSystem& files, const std::string& path);

// Removes `name`. Returns zero also if it does not exist.
int RemoveFile(FileSystem& files, int directory, const std::string& name);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FILE_SYSTEM_H_
