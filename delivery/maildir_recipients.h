// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Finds the mailboxes of recipients, and refuses recipients that have none,
// before the message is sent.

#ifndef POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_
#define POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_

#include <functional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "delivery/file_system.h"
#include "delivery/maildir_location.h"
#include "engine/grammar/path.h"
#include "engine/policy.h"
#include "engine/verdict.h"
#include "log/report.h"

namespace postern::delivery {

// Returns whether exactly this address has a Maildir with a tmp and a new.
// Returns false only if it is certain that the Maildir does not exist
// (ConfirmNoMaildir()), or if the address cannot have one. In every other case
// returns an error "maildir PATH: WHY": a disk error, a mail store that is not
// mounted, a Maildir without tmp or new. Blocks on the disk.
absl::StatusOr<bool> HasMaildir(const MaildirLocation& location,
                                const Path& address,
                                FileSystem& files = PosixFileSystem());

// Alias expansion (RFC 5321 3.9.1): returns the addresses whose Maildirs get
// the mail of `recipient`, an empty list if there is no such recipient.
// `has_maildir` is HasMaildir(). Returns an error if this cannot be decided:
// that of `has_maildir`, or kFailedPrecondition if the aliases have a mistake;
// the message names the place. Must be thread-safe.
using ExpandRecipient = std::function<absl::StatusOr<std::vector<Path>>(
    const Path& recipient,
    absl::FunctionRef<absl::StatusOr<bool>(const Path& address)> has_maildir)>;

// Accepts a recipient if there is a Maildir for it. Refuses it with 550 5.1.1
// only if it is certain that there is none; otherwise with 451 4.3.0, or 451
// 4.3.5 for a mistake in the aliases, and reports the reason. Accepts every
// recipient of a location without %u and %d.
//
// Thread-safe if `files` is.
class MaildirRecipients {
 public:
  // `location` and `files` must outlive this object. Without `expand`, a
  // recipient has the Maildir of its own address.
  MaildirRecipients(const MaildirLocation& location, log::Report report,
                    FileSystem& files, ExpandRecipient expand = nullptr);

  // What is decided about a recipient.
  struct Decision {
    // The answer to RCPT.
    Verdict verdict;
    // If `verdict` accepts: the addresses of the Maildirs. Empty: the Maildir
    // of the recipient's own address. They may repeat.
    std::vector<Path> mailboxes;
  };

  // Blocks on the disk.
  Decision Decide(const Path& recipient) const;

 private:
  // Decides without `expand_`.
  Verdict DecideAlone(const Path& recipient) const;

  const MaildirLocation& location_;
  const log::Report report_;
  FileSystem& files_;
  const ExpandRecipient expand_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_
