// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One Maildir on disk, http://cr.yp.to/proto/maildir.html.

#ifndef POSTERN_DELIVERY_MAILDIR_DIRECTORY_H_
#define POSTERN_DELIVERY_MAILDIR_DIRECTORY_H_

#include <sys/types.h>

#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "delivery/file_system.h"

namespace postern::delivery {

// Holds the tmp/ and new/ of a Maildir open. If the path changes afterwards,
// the message still stays in one Maildir and on one file system.
class MaildirDirectory {
 public:
  // Of no Maildir yet. `files` must outlive it.
  explicit MaildirDirectory(FileSystem& files) : files_(files) {}
  ~MaildirDirectory() { Close(); }
  MaildirDirectory(const MaildirDirectory&) = delete;
  MaildirDirectory& operator=(const MaildirDirectory&) = delete;

  // Closes what is open and opens the Maildir at `path`. Returns zero, or a
  // negative errno with nothing open: -ENOTDIR if tmp or new is a symbolic link
  // (a user who may create one could send mail to any directory), -EXDEV if tmp
  // and new are on different file systems. Creates nothing.
  int Open(const std::string& path);
  void Close();

  // The descriptors of the directories tmp and new. -1: not open.
  int tmp_fd() const { return tmp_fd_; }
  int new_fd() const { return new_fd_; }

  // The owner and group of new/, when it is open.
  uid_t owner() const { return owner_; }
  gid_t group() const { return group_; }

  // The device number, and the inode numbers of tmp/ and new/, of the Maildir
  // that was opened last. While it is open, no other Maildir has the same Id.
  using Id = std::tuple<dev_t, ino_t, ino_t>;
  const Id& id() const { return id_; }

 private:
  FileSystem& files_;
  Id id_ = {};
  uid_t owner_ = 0;
  gid_t group_ = 0;
  int tmp_fd_ = -1;
  int new_fd_ = -1;
};

// Returns OK if it is certain that there is no Maildir at `path`, so that mail
// for it may be refused permanently. `store` is the directory at the beginning
// of `path` that does not depend on the recipient.
//
// It is certain if the first component of `path` that does not exist is in a
// directory with entries, and that directory is `store` or below it. An empty
// directory may be a mount point whose file system is not mounted; then, and if
// `store` is missing, all Maildirs may be missing temporarily. A dangling
// symbolic link, and a Maildir without tmp or new, count as existing.
//
// Otherwise returns an error that names the directory and the problem.
absl::Status ConfirmNoMaildir(const std::string& store, const std::string& path,
                              FileSystem& files);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_DIRECTORY_H_
