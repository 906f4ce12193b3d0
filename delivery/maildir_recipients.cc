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

absl::StatusOr<bool> HasMaildir(const MaildirLocation& location,
                                const Path& address, FileSystem& files) {
  const std::optional<std::string> path = location.For(address);
  if (!path) return false;
  MaildirDirectory directory(files);
  const int error = directory.Open(*path);
  if (error == 0) return true;
  if (error != -ENOENT && error != -ENAMETOOLONG) {
    return absl::ErrnoToStatus(-error, absl::StrCat("maildir ", *path));
  }
  const absl::Status absent = ConfirmNoMaildir(location.store(), *path, files);
  if (absent.ok()) return false;
  return absl::UnavailableError(
      absl::StrCat("maildir ", *path, ": ", absent.message()));
}

MaildirRecipients::MaildirRecipients(const MaildirLocation& location,
                                     log::Report report, FileSystem& files,
                                     ExpandRecipient expand)
    : location_(location),
      report_(std::move(report)),
      files_(files),
      expand_(std::move(expand)) {}

MaildirRecipients::Decision MaildirRecipients::Decide(
    const Path& recipient) const {
  if (location_.shared()) return {Verdict::Accept(), {}};
  if (!expand_) return {DecideAlone(recipient), {}};
  absl::Status failed;
  absl::StatusOr<std::vector<Path>> mailboxes =
      expand_(recipient, [this, &failed](const Path& address) {
        absl::StatusOr<bool> exists = HasMaildir(location_, address, files_);
        failed.Update(exists.status());
        return exists;
      });
  if (!mailboxes.ok()) {
    report_(mailboxes.status().message());
    return {Verdict::Refuse(
                failed.ok() && absl::IsFailedPrecondition(mailboxes.status())
                    ? CannotExpandReply()
                    : CannotOpenReply())
                .From(std::string(mailboxes.status().message())),
            {}};
  }
  if (mailboxes->empty()) {
    return {Verdict::Refuse(NoMailboxReply())
                .From(location_.For(recipient).value_or("")),
            {}};
  }
  if (mailboxes->size() == 1 && mailboxes->front() == recipient) {
    mailboxes->clear();
  }
  return {Verdict::Accept(), *std::move(mailboxes)};
}

Verdict MaildirRecipients::DecideAlone(const Path& recipient) const {
  const absl::StatusOr<bool> exists = HasMaildir(location_, recipient, files_);
  if (exists.ok() && *exists) return Verdict::Accept();
  Verdict verdict =
      Verdict::Refuse(exists.ok() ? NoMailboxReply() : CannotOpenReply());
  if (!exists.ok()) report_(exists.status().message());
  std::optional<std::string> path = location_.For(recipient);
  return path ? std::move(verdict).From(*std::move(path)) : verdict;
}

}  // namespace postern::delivery
