// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Refuses recipients that have no Maildir, while the client still listens.

#ifndef POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_
#define POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_

#include "delivery/file_system.h"
#include "delivery/maildir_location.h"
#include "engine/grammar/path.h"
#include "engine/policy.h"
#include "engine/verdict.h"
#include "log/report.h"

namespace postern::delivery {

// Accepts a recipient if its Maildir is there, with a tmp and a new. Refuses it
// with 550 5.1.1 only if it is certain that there is no such Maildir (see
// ConfirmNoMaildir()), or if the address cannot have one. Refuses it with
// 451 4.3.0 and reports the path in every other case: an error of the disk, a
// mail store that is not mounted, a Maildir that lacks its tmp or new. Accepts
// every recipient of a location without %u and %d.
//
// Thread-safe if `files` is.
class MaildirRecipients {
 public:
  // `location` and `files` must outlive this.
  MaildirRecipients(const MaildirLocation& location, log::Report report,
                    FileSystem& files);

  // Looks at the disk before it returns.
  Verdict Decide(const Path& recipient) const;

 private:
  const MaildirLocation& location_;
  const log::Report report_;
  FileSystem& files_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_
