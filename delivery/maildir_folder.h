// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One Maildir on disk, http://cr.yp.to/proto/maildir.html.

#ifndef POSTERN_DELIVERY_MAILDIR_FOLDER_H_
#define POSTERN_DELIVERY_MAILDIR_FOLDER_H_

#include <sys/types.h>

#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "delivery/file_system.h"

namespace postern::delivery {

// The tmp/ and new/ of a Maildir, held open, so that whatever happens to the
// path afterwards the message stays on one file system and in one place.
class MaildirFolder {
 public:
  explicit MaildirFolder(FileSystem& files) : files_(files) {}
  ~MaildirFolder() { Close(); }
  MaildirFolder(const MaildirFolder&) = delete;
  MaildirFolder& operator=(const MaildirFolder&) = delete;

  // Opens the Maildir at `path` in place of what was open. Returns zero, or a
  // negative errno, and nothing is open then. A tmp or new that is a symbolic
  // link is -ENOTDIR: whoever can put one there could send mail anywhere.
  // -EXDEV if the two are not on one file system. Creates nothing.
  int Open(const std::string& path);
  void Close();

  int tmp_fd() const { return tmp_fd_; }
  int new_fd() const { return new_fd_; }

  // Who owns new/, whose mail it is: of what is open.
  uid_t owner() const { return owner_; }
  gid_t group() const { return group_; }

  // The device, and the numbers of tmp/ and new/: of what is open, or was last.
  // While it is open no other folder has them.
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

// Returns OK if it is certain that there is no Maildir at `path`, so that its
// mail can be refused for good. `store` is the directory at the beginning of
// `path` that does not depend on the recipient.
//
// It is certain if the first part of `path` that does not exist is in a
// directory that is not empty, in `store` or below it. An empty directory may
// be a mount point without its file system: then all of the Maildirs are
// missing for a while, and so they are if `store` itself is missing. A symbolic
// link that leads nowhere, and a Maildir without tmp or new, exist.
//
// Otherwise the error names the directory and says what is wrong with it.
absl::Status ConfirmNoMaildir(const std::string& store, const std::string& path,
                              FileSystem& files);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_FOLDER_H_
