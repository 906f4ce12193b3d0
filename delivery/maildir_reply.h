// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The replies with which a Maildir delivery refuses a recipient or a message.

#ifndef POSTERN_DELIVERY_MAILDIR_REPLY_H_
#define POSTERN_DELIVERY_MAILDIR_REPLY_H_

#include "engine/grammar/reply.h"

namespace postern::delivery {

// 550 5.1.1: there is no such Maildir.
Reply NoMailboxReply();

// 451 4.3.0: the Maildir should exist, but could not be opened.
Reply CannotOpenReply();

// 451 4.3.5: the aliases of the recipient have a mistake.
Reply CannotExpandReply();

// 452 4.5.3: the recipients of the transaction expand to too many mailboxes.
Reply TooManyMailboxesReply();

// Returns the reply to a message that could not be stored because of `error`, a
// negative errno: 452 4.3.1 for a full disk, a full quota and a file too large
// for its file system; otherwise 451 4.3.0.
Reply CannotStoreReply(int error);

// 452 4.3.1: the message is too large for so many recipients.
Reply TooMuchReply();

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_REPLY_H_
