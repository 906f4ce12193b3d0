// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One Maildir on disk, http://cr.yp.to/proto/maildir.html: made, and opened.

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

  // The device, and the numbers of tmp/ and new/: of what is open, or was last.
  // While it is open no other folder has them.
  using Id = std::tuple<dev_t, ino_t, ino_t>;
  const Id& id() const { return id_; }

 private:
  FileSystem& files_;
  Id id_ = {};
  int tmp_fd_ = -1;
  int new_fd_ = -1;
};

// Returns true if `error`, negative, of MaildirFolder::Open() means that there
// is no such Maildir, rather than that it could not be looked at now.
bool MeansNoMaildir(int error);

// Creates the Maildir `path`, with its tmp, new and cur, for this user alone
// (0700), durably. Its parent folder must exist. What exists already is left
// as it is. The error names the folder.
absl::Status CreateMaildir(absl::string_view path,
                           FileSystem& files = PosixFileSystem());

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_FOLDER_H_
