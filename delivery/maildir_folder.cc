// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_folder.h"

#include <errno.h>
#include <fcntl.h>

#include "absl/strings/str_cat.h"

namespace postern::delivery {
namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY;

int SyncFolder(FileSystem& files, const std::string& path) {
  const int fd = OpenFile(files, AT_FDCWD, path, kFolder);
  if (fd < 0) return fd;
  const int result = files.Fsync(fd);
  (void)files.Close(fd);  // nothing was written through it
  return result;
}

// Returns the folder that `path` is in.
std::string ParentOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

}  // namespace

int MaildirFolder::Open(const std::string& path) {
  Close();
  const auto fail = [this](int error) {
    Close();
    return error;
  };
  tmp_fd_ = OpenFile(files_, AT_FDCWD, absl::StrCat(path, "/tmp"),
                     kFolder | O_NOFOLLOW);
  if (tmp_fd_ < 0) return fail(tmp_fd_);
  new_fd_ = OpenFile(files_, AT_FDCWD, absl::StrCat(path, "/new"),
                     kFolder | O_NOFOLLOW);
  if (new_fd_ < 0) return fail(new_fd_);
  struct stat tmp_status {};
  struct stat new_status {};
  if (int error = files_.Stat(tmp_fd_, &tmp_status); error < 0) {
    return fail(error);
  }
  if (int error = files_.Stat(new_fd_, &new_status); error < 0) {
    return fail(error);
  }
  // A rename cannot cross; better to say so before the message than after.
  if (tmp_status.st_dev != new_status.st_dev) return fail(-EXDEV);
  id_ = {tmp_status.st_dev, tmp_status.st_ino, new_status.st_ino};
  return 0;
}

void MaildirFolder::Close() {
  // Nothing was written through these descriptors.
  if (tmp_fd_ >= 0) (void)files_.Close(tmp_fd_);
  if (new_fd_ >= 0) (void)files_.Close(new_fd_);
  tmp_fd_ = new_fd_ = -1;
}

bool MeansNoMaildir(int error) {
  return error == -ENOENT || error == -ENOTDIR || error == -ENAMETOOLONG;
}

absl::Status CreateMaildir(absl::string_view path, FileSystem& files) {
  // "mail/" is in ".", not in "mail".
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  if (path.empty()) {
    return absl::InvalidArgumentError("a Maildir needs the name of a folder");
  }
  const auto fail = [](int error, absl::string_view folder) {
    return absl::ErrnoToStatus(-error, absl::StrCat("Maildir ", folder));
  };
  const std::string top(path);
  for (const char* part : {"", "/tmp", "/new", "/cur"}) {
    const std::string folder = absl::StrCat(top, part);
    const int error = files.MkdirAt(AT_FDCWD, folder, 0700);
    if (error < 0 && error != -EEXIST) return fail(error, folder);
  }
  for (const std::string& folder : {top, ParentOf(top)}) {
    if (int error = SyncFolder(files, folder); error < 0) {
      return fail(error, folder);
    }
  }
  return absl::OkStatus();
}

}  // namespace postern::delivery
