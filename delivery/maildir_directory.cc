// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_directory.h"

#include <errno.h>
#include <fcntl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace postern::delivery {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY;

}  // namespace

int MaildirDirectory::Open(const std::string& path) {
  Close();
  const auto fail = [this](int error) {
    Close();
    return error;
  };
  tmp_fd_ = OpenFile(files_, AT_FDCWD, absl::StrCat(path, "/tmp"),
                     kDirectory | O_NOFOLLOW);
  if (tmp_fd_ < 0) return fail(tmp_fd_);
  new_fd_ = OpenFile(files_, AT_FDCWD, absl::StrCat(path, "/new"),
                     kDirectory | O_NOFOLLOW);
  if (new_fd_ < 0) return fail(new_fd_);
  struct stat tmp_status {};
  struct stat new_status {};
  if (int error = files_.Stat(tmp_fd_, &tmp_status); error < 0) {
    return fail(error);
  }
  if (int error = files_.Stat(new_fd_, &new_status); error < 0) {
    return fail(error);
  }
  // rename() does not work across file systems. Fail before the message, not
  // after it.
  if (tmp_status.st_dev != new_status.st_dev) return fail(-EXDEV);
  id_ = {tmp_status.st_dev, tmp_status.st_ino, new_status.st_ino};
  owner_ = new_status.st_uid;
  group_ = new_status.st_gid;
  return 0;
}

void MaildirDirectory::Close() {
  // Nothing was written through these descriptors.
  if (tmp_fd_ >= 0) (void)files_.Close(tmp_fd_);
  if (new_fd_ >= 0) (void)files_.Close(new_fd_);
  tmp_fd_ = new_fd_ = -1;
}

absl::Status ConfirmNoMaildir(const std::string& store, const std::string& path,
                              FileSystem& files) {
  absl::string_view rest = path;
  if (!absl::ConsumePrefix(&rest, absl::StrCat(store, "/"))) {
    absl::ConsumePrefix(&rest, "/");  // `store` is "/"
  }
  std::string directory = store;
  std::string next;
  const auto is_missing = [&files, &next](int* error) {
    // O_PATH opens any kind of file; O_NOFOLLOW opens a link itself.
    const int fd = OpenFile(files, AT_FDCWD, next, O_PATH | O_NOFOLLOW);
    *error = fd < 0 ? -fd : 0;
    if (fd >= 0) (void)files.Close(fd);  // nothing was written through it
    return *error == ENOENT || *error == ENAMETOOLONG;
  };
  int error = 0;
  while (true) {
    while (absl::ConsumePrefix(&rest, "/")) {
    }
    if (rest.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " exists, but is no Maildir"));
    }
    const absl::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(name.size());
    next = absl::StrCat(directory, "/", name);
    if (is_missing(&error)) break;
    if (error != 0) return absl::ErrnoToStatus(error, next);
    directory = next;
  }
  const int held = HoldsEntries(files, directory);
  if (held < 0) return absl::ErrnoToStatus(-held, directory);
  if (held == 0) {
    return absl::UnavailableError(
        absl::StrCat(directory,
                     " is empty: is its file system mounted, or "
                     "has no Maildir been made in it?"));
  }
  // The file system may have been mounted between the two looks.
  if (!is_missing(&error)) {
    return absl::UnavailableError(absl::StrCat(next, " has just appeared"));
  }
  return absl::OkStatus();
}

}  // namespace postern::delivery
