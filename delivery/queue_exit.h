// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The reply to a client when a qmail-queue program has ended.

#ifndef POSTERN_DELIVERY_QUEUE_EXIT_H_
#define POSTERN_DELIVERY_QUEUE_EXIT_H_

#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"

namespace postern::delivery {

// Exit codes of qmail-queue(8) that mean something to us and not only to the
// client. All of them: the table in queue_exit.cc.
inline constexpr int kQueueAccepted = 0;
inline constexpr int kQueueRejected = 31;
inline constexpr int kQueueTimeout = 52;
inline constexpr int kQueueReadError = 54;
inline constexpr int kQueueCustomError = 82;       // says why on descriptor 6
inline constexpr int kQueueOtherCustomError = 88;  // the same, of indimail
inline constexpr int kQueueExecError = 120;

// Returns the reply for exit code `code`, 1..255: 554 for what is permanent
// (11-40, 115), 451 for everything else, with the texts of notqmail. The text
// ends in its enhanced code, as qmail's always did: "qq crashed (#4.3.0)".
Reply ReplyForQueueExit(int code);

// Returns the reply for exit code `code`, 82 (notqmail) or 88 (indimail), and
// `text` from descriptor 6: 554 if it begins with 'D', for a permanent error,
// else 451 ('Z' for a temporary one), and the rest of it. Up to two bytes are
// no text, and give the reply for the exit code alone. The enhanced code is the
// one that the text begins with ("D5.7.1 no") or ends in ("Dno (#5.7.1)"), and
// x.3.0 otherwise. Whatever the program wrote, the reply is one line: a line
// end at the end is dropped, and other controls and 8-bit bytes become '?',
// because a CR LF in it would let the sender of a message that a scanner quotes
// write replies of his own.
Reply ReplyForQueueError(int code, absl::string_view text);

// The reply where the program was killed by a signal.
Reply QueueCrashedReply();
// The reply where there is no exit code to be had.
Reply QueueLostReply();
// The reply where there were no pipes or no process for the program.
Reply QueueUnavailableReply();

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_QUEUE_EXIT_H_
