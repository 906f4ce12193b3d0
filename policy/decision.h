// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An answer of the policy or of the delivery, with its reason: a value that the
// session log and whatever explains a decision print.

#ifndef POSTERN_POLICY_DECISION_H_
#define POSTERN_POLICY_DECISION_H_

#include <optional>
#include <string>

#include "engine/event.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "log/log_line.h"
#include "policy/check.h"

namespace postern::policy {

struct Decision {
  Stage stage = Stage::kRcpt;  // what it is about
  Verdict::Kind kind = Verdict::Kind::kRefuse;
  std::string rule;  // Verdict::rule(): the check, or the delivery
  int message = 0;   // which the recipient is of: Rcpt::message, Mail::message
  // Where the rule stands: "FILE:LINE", "FILE key KEY", "RELAYCLIENT",
  // "user NAME", what went wrong, or nothing.
  std::string source;
  // As the envelope gets them if this is an acceptance.
  Path from;
  Path to;
  Reply reply;  // for an acceptance without one: the engine's usual one

  bool accepted() const { return kind == Verdict::Kind::kAccept; }

  friend bool operator==(const Decision&, const Decision&) = default;
};

// Returns the answer `verdict` to `ask`, if it is one for the log: each answer
// about a recipient, and each refusal of a client, a greeting, a sender or
// content. Otherwise nullopt.
std::optional<Decision> DecisionToLog(const Ask& ask, const Verdict& verdict);

// Returns the decision as a line of a log; as logfmt:
//
//   rcpt decision=accept rule=rcpthosts source=/var/qmail/control/rcpthosts:3
//   ip=192.0.2.1 host=client.example from=<s@example.org> to=<u@local.example>
//   reply="250 2.1.5 ok"
//
// (one line, always these fields in this order; session and id stand before the
// event). The event is the stage. The decision is accept, refuse or drop. A
// line about a client or a greeting has no "from", and only one about a
// recipient has a "to".
log::LogLine LogDecision(const Decision& decision, const SessionInfo& session,
                         const log::LogStyle& style);
// The same as the text of logfmt, with nothing before the event.
std::string FormatDecision(const Decision& decision,
                           const SessionInfo& session);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DECISION_H_
