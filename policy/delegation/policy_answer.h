// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The answer of a policy server: an action of Postfix's access(5).

#ifndef POSTERN_POLICY_DELEGATION_POLICY_ANSWER_H_
#define POSTERN_POLICY_DELEGATION_POLICY_ANSWER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"
#include "engine/verdict.h"

namespace postern::policy {

struct PolicyAnswer {
  enum class Kind : uint8_t {
    kNoOpinion,  // other checks decide
    kRefuse,
    kHeader,  // the message gets a header field
    kNote,    // only the log gets the text
  };
  Kind kind = Kind::kNoOpinion;
  Reply reply;       // kRefuse: 4yz or 5yz
  std::string text;  // kHeader: a whole field with CRLF; kNote: for the log
};

// The actions, without regard to case:
//
//   OK, DUNNO, PERMIT, a number       no opinion: OK cannot make the server
//                                     an open relay, and does not end the list
//                                     of servers
//   REJECT [TEXT]                     554 5.7.1
//   DEFER [TEXT]                      450 4.7.1
//   DEFER_IF_PERMIT [TEXT]            450 4.7.1, at once
//   4NN [TEXT], 5NN [TEXT]            that reply; 421 and 521 close the
//                                     connection
//   PREPEND NAME: VALUE               a header field
//   WARN [TEXT], INFO [TEXT]          a line of the log
//   DEFER_IF_REJECT [TEXT]            the same: no later check refuses
//
// A text may begin with an enhanced code of the same class ("4.2.0 wait").
//
// Everything else is an error: the answer cannot be carried out. That includes
// FILTER, HOLD, REDIRECT, BCC and DISCARD. A site that uses them relies on a
// message being held or examined, so a message must not be accepted without
// that. Also an error: an answer without an action, with two, with a line that
// is not NAME=VALUE, with a control character, or with a PREPEND that is not
// one header field. Attributes other than action are ignored.
//
// `answer` is everything up to the empty line, with or without it.
absl::StatusOr<PolicyAnswer> ParsePolicyAnswer(absl::string_view answer);

// Parses "550 5.1.1 no such user": a code from 400 to 599, and perhaps an
// enhanced code of the same class and a text. Without an enhanced code it is
// 4.7.1 or 5.7.1. Without a text the text is `otherwise`. Returns nullopt if
// there is no code.
std::optional<Reply> ParseRefusal(absl::string_view text,
                                  absl::string_view otherwise);

// Returns the verdict that refuses with `reply`: 421 and 521 close the
// connection (access(5)).
Verdict RefuseWith(Reply reply);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DELEGATION_POLICY_ANSWER_H_
