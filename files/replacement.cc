// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/replacement.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "files/paths.h"
#include "system/descriptor.h"

namespace postern::files {
namespace {

std::string TemporaryFor(const std::string& place) {
  const std::string directory = DirectoryOf(place);
  const size_t slash = place.rfind('/');
  return absl::StrCat(directory, directory == "/" ? "" : "/", ".",
                      place.substr(slash == place.npos ? 0 : slash + 1),
                      ".new");
}

// Writes the directory of `place` to the disk.
absl::Status SyncDirectory(absl::string_view path, const std::string& place) {
  const system::Descriptor directory(
      open(DirectoryOf(place).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat(path, ": cannot open its directory"));
  }
  if (fsync(directory.get()) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat(path, ": fsync of its directory"));
  }
  return absl::OkStatus();
}

absl::Status Rename(absl::string_view path, const std::string& temporary,
                    const std::string& place) {
  if (rename(temporary.c_str(), place.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": rename"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string TemporaryPath(absl::string_view path) {
  return TemporaryFor(ResolvePath(path));
}

absl::Status CommitPrepared(absl::string_view path) {
  const std::string place = ResolvePath(path);
  absl::Status status = Rename(path, TemporaryFor(place), place);
  if (status.ok()) status = SyncDirectory(path, place);
  return status;
}

absl::Status RemoveTemporary(absl::string_view path) {
  const std::string temporary = TemporaryPath(path);
  if (unlink(temporary.c_str()) != 0 && errno != ENOENT) {
    return absl::ErrnoToStatus(errno, temporary);
  }
  return absl::OkStatus();
}

absl::StatusOr<Replacement> Replacement::Begin(absl::string_view path,
                                               mode_t mode,
                                               absl::string_view like) {
  const std::string place = ResolvePath(path);
  std::string temporary = TemporaryFor(place);
  // A process that was killed may have left it.
  if (unlink(temporary.c_str()) != 0 && errno != ENOENT) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": temporary file"));
  }
  system::Descriptor file(
      open(temporary.c_str(),
           O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": temporary file"));
  }
  Replacement replacement(std::move(file), path, place, std::move(temporary));
  const int fd = replacement.fd();
  struct stat old = {};
  int error = stat(place.c_str(), &old) == 0 ? 0 : errno;
  if (error == ENOENT && !like.empty()) {
    error = stat(std::string(like).c_str(), &old) == 0 ? 0 : errno;
  }
  if (error == 0 && !S_ISREG(old.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": not a regular file"));
  }
  if (error == 0) {
    struct stat now = {};
    if (fstat(fd, &now) != 0) return replacement.Error("stat");
    // Only root may change owners, so fchown() is called only if needed.
    if ((old.st_uid != now.st_uid || old.st_gid != now.st_gid) &&
        fchown(fd, old.st_uid, old.st_gid) != 0) {
      return replacement.Error("its owner and group cannot be kept");
    }
    mode = old.st_mode & 07777;
  } else if (error != ENOENT) {
    errno = error;
    return replacement.Error("stat");
  }
  if (fchmod(fd, mode) != 0) return replacement.Error("mode");
  return replacement;
}

Replacement::Replacement(Replacement&& other) noexcept
    : file_(std::move(other.file_)),
      synced_(other.synced_),
      prepared_(other.prepared_),
      path_(std::move(other.path_)),
      place_(std::move(other.place_)),
      temporary_(std::exchange(other.temporary_, "")) {}

Replacement::~Replacement() {
  if (!temporary_.empty() && !prepared_) unlink(temporary_.c_str());
}

absl::Status Replacement::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Error("write");
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return absl::OkStatus();
}

absl::Status Replacement::Sync() {
  if (synced_) return absl::OkStatus();
  if (fsync(fd()) != 0) return Error("fsync");
  synced_ = true;
  return absl::OkStatus();
}

absl::Status Replacement::Prepare() {
  const absl::Status synced = Sync();
  if (!synced.ok()) return synced;
  prepared_ = true;
  return SyncDirectory(path_, place_);
}

absl::Status Replacement::Commit() {
  absl::Status status = Sync();
  if (status.ok()) status = Rename(path_, temporary_, place_);
  if (!status.ok()) return status;
  temporary_.clear();
  return SyncDirectory(path_, place_);
}

absl::Status Replacement::Error(absl::string_view what) const {
  return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": ", what));
}

}  // namespace postern::files
