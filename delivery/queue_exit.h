// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The reply to a client after a queue program has ended.

#ifndef POSTERN_DELIVERY_QUEUE_EXIT_H_
#define POSTERN_DELIVERY_QUEUE_EXIT_H_

#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"

namespace postern::delivery {

// Exit codes of qmail-queue(8) that this package treats specially. The table in
// queue_exit.cc has all.
inline constexpr int kQueueAccepted = 0;
inline constexpr int kQueueRejected = 31;
inline constexpr int kQueueTimeout = 52;
inline constexpr int kQueueReadError = 54;
inline constexpr int kQueueCustomError = 82;       // reason on descriptor 6
inline constexpr int kQueueOtherCustomError = 88;  // the same, in indimail
inline constexpr int kQueueExecError = 120;

// Returns the reply for exit code `code`, 1..255: 554 for permanent errors
// (11-40, 115), otherwise 451, with the texts of notqmail. The text ends in its
// enhanced code, as in qmail: "qq crashed (#4.3.0)".
Reply ReplyForQueueExit(int code);

// Returns the reply for exit code `code`, 82 (notqmail) or 88 (indimail), and
// `text` from descriptor 6. The first byte of `text` gives the reply code: 'D',
// for a permanent error, 554; otherwise ('Z' for a temporary one) 451. The rest
// is the reply's text. The enhanced code is the one at the beginning
// ("D5.7.1 no") or the end ("Dno (#5.7.1)") of the text, if its class is that
// of the reply, and x.3.0 otherwise. Returns ReplyForQueueExit(`code`) if
// `text` has at most two bytes, or only white space after the first; in the
// latter case, with 'D', the reply for exit code 31.
//
// The reply is always one line: white space at both ends is dropped, and
// control characters and 8-bit bytes become '?'. A content scanner may quote
// the message, and with a CR LF its sender could forge a reply.
Reply ReplyForQueueError(int code, absl::string_view text);

// Returns the reply if the program was killed by a signal.
Reply QueueCrashedReply();
// Returns the reply if the exit code is lost.
Reply QueueLostReply();
// Returns the reply if no pipe or process could be created for the program.
Reply QueueUnavailableReply();

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_QUEUE_EXIT_H_
