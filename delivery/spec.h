// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The value of --deliver: which delivery, and where to.
//
//   maildir:/var/mail/%d/%u   a Maildir for each recipient
//   maildir:/var/mail/all     one for all local recipients
//   catch-all:/tmp/mail       the same, and for all others: for trying out
//   qmail-queue               the usual qmail-queue
//   qmail-queue:/opt/scan     another program with its interface
//   discard                   nowhere: for measuring

#ifndef POSTERN_DELIVERY_SPEC_H_
#define POSTERN_DELIVERY_SPEC_H_

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::delivery {

struct MaildirSpec {
  std::string pattern;  // for MaildirLocation::Parse(), which takes it
  bool catch_all = false;
  friend bool operator==(const MaildirSpec&, const MaildirSpec&) = default;
};

struct QmailQueueSpec {
  std::string program;  // empty: not said, $QMAILQUEUE or the usual one
  friend bool operator==(const QmailQueueSpec&,
                         const QmailQueueSpec&) = default;
};

struct DiscardSpec {
  friend bool operator==(const DiscardSpec&, const DiscardSpec&) = default;
};

using Spec = std::variant<MaildirSpec, QmailQueueSpec, DiscardSpec>;

// Parses `text`. Returns InvalidArgument, with `text` in the message, for
// anything that is not as above.
absl::StatusOr<Spec> ParseSpec(absl::string_view text);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_SPEC_H_
