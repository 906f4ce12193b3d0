// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/file_system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>

namespace postern::delivery {
namespace {

template <typename T>
T OrError(T result) {
  return result < 0 ? static_cast<T>(-errno) : result;
}

class Posix : public FileSystem {
 public:
  int OpenAt(int directory, const std::string& name, int flags,
             mode_t mode) override {
    return OrError(openat(directory, name.c_str(), flags, mode));
  }
  ssize_t Write(int fd, absl::string_view data) override {
    return OrError(write(fd, data.data(), data.size()));
  }
  ssize_t Read(int fd, char* data, size_t size, uint64_t offset) override {
    return OrError(pread(fd, data, size, static_cast<off_t>(offset)));
  }
  ssize_t Copy(int from, uint64_t offset, int to, size_t size) override {
    off64_t from_offset = static_cast<off64_t>(offset);
    return OrError(copy_file_range(from, &from_offset, to, nullptr, size, 0));
  }
  int Fsync(int fd) override { return OrError(fsync(fd)); }
  int Close(int fd) override { return OrError(close(fd)); }
  int RenameAt(int from_directory, const std::string& from, int to_directory,
               const std::string& to) override {
    return OrError(renameat2(from_directory, from.c_str(), to_directory,
                             to.c_str(), RENAME_NOREPLACE));
  }
  int LinkAt(int from_directory, const std::string& from, int to_directory,
             const std::string& to) override {
    return OrError(
        linkat(from_directory, from.c_str(), to_directory, to.c_str(), 0));
  }
  int UnlinkAt(int directory, const std::string& name) override {
    return OrError(unlinkat(directory, name.c_str(), 0));
  }
  int Stat(int fd, struct stat* status) override {
    return OrError(fstat(fd, status));
  }
  int Chown(int fd, uid_t owner, gid_t group) override {
    return OrError(fchown(fd, owner, group));
  }
  ssize_t ReadDirectory(int fd, char* data, size_t size) override {
    return OrError(getdents64(fd, data, size));
  }
  uid_t EffectiveUser() override { return geteuid(); }
};

// Returns true if read(2) and write(2) may succeed although copy_file_range(2)
// returned `error`: an old kernel, two file systems, or a file system that does
// not support it.
bool CannotCopy(ssize_t error) {
  return error == -EXDEV || error == -EINVAL || error == -ENOSYS ||
         error == -EOPNOTSUPP || error == -EPERM || error == -EBADF;
}

// Returns whether the link count of the directory `path` shows that it has
// subdirectories. The ".." of each subdirectory is a link.
bool HoldsDirectories(FileSystem& files, const std::string& path) {
  const int fd = OpenFile(files, AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (fd < 0) return false;
  struct stat status {};
  const bool known = files.Stat(fd, &status) >= 0;
  (void)files.Close(fd);               // nothing was written through it
  constexpr nlink_t kLinksOfNone = 2;  // the directory's name and "."
  return known && status.st_nlink > kLinksOfNone;
}

}  // namespace

FileSystem& PosixFileSystem() {
  // Never destroyed: in a program with threads a transaction may outlive
  // main().
  static Posix& files = *new Posix;
  return files;
}

int OpenFile(FileSystem& files, int directory, const std::string& name,
             int flags, mode_t mode) {
  int fd;
  do {
    fd = files.OpenAt(directory, name, flags | O_CLOEXEC, mode);
  } while (fd == -EINTR);
  return fd;
}

int WriteAll(FileSystem& files, int fd, absl::string_view data) {
  while (!data.empty()) {
    const ssize_t n = files.Write(fd, data);
    if (n == -EINTR) continue;
    if (n < 0) return static_cast<int>(n);
    if (n == 0) return -EIO;  // otherwise this loop would not end
    data.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

int CopyAll(FileSystem& files, int from, uint64_t offset, int to,
            uint64_t size) {
  constexpr uint64_t kMaxCopy = 1 << 30;  // below the kernel's limit per call
  bool in_kernel = true;
  while (size > 0 && in_kernel) {
    const ssize_t n = files.Copy(from, offset, to, std::min(size, kMaxCopy));
    if (n == -EINTR) continue;
    if (n < 0 && !CannotCopy(n)) return static_cast<int>(n);
    // Some file systems return 0 (end of file) if they cannot copy.
    in_kernel = n > 0;
    if (!in_kernel) break;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<uint64_t>(n);
  }
  char buffer[16 << 10];
  while (size > 0) {
    const ssize_t n = files.Read(
        from, buffer, std::min<uint64_t>(size, sizeof(buffer)), offset);
    if (n == -EINTR) continue;
    if (n <= 0) return n < 0 ? static_cast<int>(n) : -EIO;
    const size_t read = static_cast<size_t>(n);
    if (int error = WriteAll(files, to, {buffer, read}); error < 0) {
      return error;
    }
    offset += read;
    size -= read;
  }
  return 0;
}

int MoveFile(FileSystem& files, int from_directory, const std::string& from,
             int to_directory, const std::string& to) {
  const int renamed = files.RenameAt(from_directory, from, to_directory, to);
  if (renamed != -EINVAL && renamed != -ENOSYS) return renamed;
  const int linked = files.LinkAt(from_directory, from, to_directory, to);
  if (linked < 0) return linked;
  return RemoveFile(files, from_directory, from) == 0 ? 0 : 1;
}

int HoldsEntries(FileSystem& files, const std::string& path) {
  const int fd =
      OpenFile(files, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOCTTY);
  if (fd == -EACCES) return HoldsDirectories(files, path) ? 1 : fd;
  if (fd < 0) return fd;
  // One name other than "." and ".." is enough, and a buffer holds several.
  alignas(dirent64) char buffer[4096];
  int result = 0;
  while (result == 0) {
    const ssize_t n = files.ReadDirectory(fd, buffer, sizeof(buffer));
    if (n == -EINTR) continue;
    if (n <= 0) {
      result = static_cast<int>(n);
      break;
    }
    for (ssize_t at = 0; at < n && result == 0;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      const absl::string_view name = entry->d_name;
      if (name != "." && name != "..") result = 1;
      at += entry->d_reclen;
    }
  }
  (void)files.Close(fd);  // nothing was written through it
  return result;
}

int RemoveFile(FileSystem& files, int directory, const std::string& name) {
  int result;
  do {
    result = files.UnlinkAt(directory, name);
  } while (result == -EINTR);
  return result == -ENOENT ? 0 : result;
}

}  // namespace postern::delivery
