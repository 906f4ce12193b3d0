// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/standard_descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace postern::system {

absl::Status OpenStandardDescriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open(2) returns the lowest free number, which is `fd`.
    if (open("/dev/null", O_RDWR) < 0) {
      return absl::ErrnoToStatus(errno, "/dev/null");
    }
  }
  return absl::OkStatus();
}

absl::Status TakeInheritedOutput(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", fd, " is not open"));
  }
  if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", fd, " is not open for writing"));
  }
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);  // fails only for a closed one
  return absl::OkStatus();
}

void WriteInheritedOutput(int fd, absl::string_view text) {
  (void)!write(fd, text.data(), text.size());
  if (fd > STDERR_FILENO) {
    close(fd);
    return;
  }
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  (void)dup2(null, fd);  // cannot fail: both are open
  close(null);
}

}  // namespace postern::system
