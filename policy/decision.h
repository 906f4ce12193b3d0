// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A verdict of the policy or of the delivery, with its reason, as the log shows
// it.

#ifndef POSTERN_POLICY_DECISION_H_
#define POSTERN_POLICY_DECISION_H_

#include <optional>
#include <string>

#include "engine/ask.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "log/log_line.h"
#include "policy/check.h"

namespace postern::policy {

struct Decision {
  CheckStage stage = CheckStage::kRcpt;  // the stage of the question
  Verdict::Kind kind = Verdict::Kind::kRefuse;
  std::string rule;  // Verdict::rule(): the check or the delivery
  int message = 0;   // its message: Rcpt::message or Mail::message
  // Where the rule is written: "FILE:LINE", "FILE key KEY", "RELAYCLIENT" or
  // "user NAME"; or what failed; or empty.
  std::string source;
  // The addresses as the envelope has them after an acceptance.
  Path from;
  Path to;
  Reply reply;  // the engine's usual reply if the verdict has none

  bool accepted() const { return kind == Verdict::Kind::kAccept; }

  friend bool operator==(const Decision&, const Decision&) = default;
};

// Returns the decision `verdict` about `ask` if the log shows it: each answer
// about a recipient, and each refusal at another stage. Otherwise returns
// nullopt.
std::optional<Decision> DecisionToLog(const Ask& ask, const Verdict& verdict);

// Returns the decision as a line of the log. In logfmt:
//
//   rcpt decision=accept rule=rcpthosts source=/var/qmail/control/rcpthosts:3
//   ip=192.0.2.1 host=client.example from=<s@example.org> to=<u@local.example>
//   reply="250 2.1.5 ok"
//
// (in one line, always with these fields in this order; the fields session and
// id precede the event). The event is the stage. The decision is accept, refuse
// or drop. Only the stages mail and rcpt have "from", and only rcpt has "to".
log::LogLine LogDecision(const Decision& decision, const SessionInfo& session,
                         const log::LogStyle& style);
// Returns the line of a refusal that has no effect, because the check only
// notes it. The event is "noted"; the fields are those of LogDecision() without
// the decision.
log::LogLine LogNoted(const Question& question, const Verdict& verdict,
                      const log::LogStyle& style);
// Returns the line of LogDecision() in logfmt, without anything before the
// event.
std::string FormatDecision(const Decision& decision,
                           const SessionInfo& session);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DECISION_H_
