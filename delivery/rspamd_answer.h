// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The answer of rspamd to /checkv2, as JSON.

#ifndef POSTERN_DELIVERY_RSPAMD_ANSWER_H_
#define POSTERN_DELIVERY_RSPAMD_ANSWER_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "delivery/content_filter.h"
#include "delivery/rspamd_outcome.h"

namespace postern::delivery {

// The largest answer, in octets, and its deepest nesting.
inline constexpr size_t kMaxRspamdAnswer = size_t{1} << 20;
inline constexpr int kMaxRspamdDepth = 64;
// The largest number of header fields that an answer adds, and of those that it
// removes; and the size of all that it adds, in octets.
inline constexpr size_t kMaxRspamdFields = 100;
inline constexpr size_t kMaxRspamdHeader = size_t{64} << 10;

struct RspamdAnswer {
  RspamdOutcome outcome = RspamdOutcome::kOutage;
  FilterAnswer answer;
};

// Returns what to do with the message. The meaning of the members is that of
// rspamd's own milter (rspamd_proxy), except where this text says otherwise:
//
//   action            no action and greylist accept the message: a message that
//                     rspamd's greylist module defers has the action soft
//                     reject. add header accepts it with X-Spam: Yes, or what
//                     milter.spam_header says. rewrite subject accepts it with
//                     another Subject. soft reject is a 451 4.7.1. reject is a
//                     550 5.7.1, and so is discard, which the milter accepts
//                     and drops: a message with a 250 is not lost here.
//   messages          smtp_message is the text of a refusal, if it is printable
//                     ASCII and not too long
//   milter            add_headers, remove_headers, spam_header, no_action
//   dkim-signature    a DKIM-Signature field, or several
//
// All fields that are added go to the top of the message: see HeaderEdits.
// `order` has no effect.
//
// A refusal needs nothing else of the answer: what follows cannot undo it. So
// `reject: quarantine` is a reject. A subject that cannot be written, because
// the sender's own one is too long, is cut.
//
// Another answer that cannot be carried out is an error: the action quarantine
// or one that rspamd does not define, and a change of the envelope
// (change_from, add_rcpt, del_rcpt). So are an answer that is not a
// JSON object with an action, a member of another type than rspamd's, a header
// field that cannot be written (MakeHeaderField()), and an answer that exceeds
// one of the limits above. The code is InvalidArgument. The message quotes the
// answer with escapes.
absl::StatusOr<RspamdAnswer> ReadRspamdAnswer(absl::string_view json);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_RSPAMD_ANSWER_H_
