// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Refuses recipients that have no Maildir, while the client still listens.

#ifndef POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_
#define POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_

#include "delivery/file_system.h"
#include "delivery/maildir_location.h"
#include "delivery/report.h"
#include "engine/policy.h"

namespace postern::delivery {

// Accepts a Rcpt if its Maildir is there, with a tmp and a new. Refuses it with
// 550 5.1.1 if not, and with 451 4.3.0 if that could not be found out (EACCES,
// EIO, EMFILE). Accepts everything else, and every recipient of a location
// without %u and %d.
//
// It says nothing of relaying: the policy that does asks it, behind its own
// rules (policy::RelayPolicy's `mailboxes`), or goes before it in AllOf.
// It holds for authenticated clients and RELAYCLIENT too, for there is nowhere
// else that their mail could go.
//
// Thread-safe if `files` is. Looks at the disk before it returns.
class MaildirRecipients : public Policy {
 public:
  explicit MaildirRecipients(MaildirLocation location, Report report = {},
                             FileSystem& files = PosixFileSystem());

  void Decide(const Ask& ask, const SharedSessionInfo& session,
              Done done) override;

 private:
  Verdict DecideRecipient(const Path& recipient) const;

  const MaildirLocation location_;
  const Report report_;
  FileSystem& files_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_RECIPIENTS_H_
