// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_recipients.h"

#include <errno.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "delivery/maildir_directory.h"
#include "delivery/maildir_reply.h"

namespace postern::delivery {

MaildirRecipients::MaildirRecipients(const MaildirLocation& location,
                                     log::Report report, FileSystem& files)
    : location_(location), report_(std::move(report)), files_(files) {}

Verdict MaildirRecipients::Decide(const Path& recipient) const {
  if (location_.shared()) return Verdict::Accept();
  const std::optional<std::string> path = location_.For(recipient);
  if (!path) return Verdict::Refuse(NoMailboxReply());
  MaildirDirectory directory(files_);
  const int error = directory.Open(*path);
  if (error == 0) return Verdict::Accept();
  if (error != -ENOENT && error != -ENAMETOOLONG) {
    log::ReportError(report_, absl::StrCat("maildir ", *path), error);
    return Verdict::Refuse(CannotOpenReply()).From(*path);
  }
  const absl::Status absent =
      ConfirmNoMaildir(location_.store(), *path, files_);
  if (absent.ok()) return Verdict::Refuse(NoMailboxReply()).From(*path);
  report_(absl::StrCat("maildir ", *path, ": ", absent.message()));
  return Verdict::Refuse(CannotOpenReply()).From(*path);
}

}  // namespace postern::delivery
