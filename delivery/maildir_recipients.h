// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Refuses recipients that have no Maildir, before the message is sent.

#ifndef POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_
#define POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_

#include "delivery/file_system.h"
#include "delivery/maildir_location.h"
#include "engine/grammar/path.h"
#include "engine/policy.h"
#include "engine/verdict.h"
#include "log/report.h"

namespace postern::delivery {

// Accepts a recipient if its Maildir exists and has a tmp and a new. Refuses
// the recipient with 550 5.1.1 only if it is certain that the Maildir does not
// exist (ConfirmNoMaildir()), or if the address cannot have one. In every other
// case refuses it with 451 4.3.0 and reports the path: a disk error, a mail
// store that is not mounted, a Maildir without tmp or new. Accepts every
// recipient of a location without %u and %d.
//
// Thread-safe if `files` is.
class MaildirRecipients {
 public:
  // `location` and `files` must outlive this object.
  MaildirRecipients(const MaildirLocation& location, log::Report report,
                    FileSystem& files);

  // Blocks on the disk.
  Verdict Decide(const Path& recipient) const;

 private:
  const MaildirLocation& location_;
  const log::Report report_;
  FileSystem& files_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_
