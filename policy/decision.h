// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A verdict of the policy or of the delivery, with its reason, as the log shows
// it.

#ifndef POSTERN_POLICY_DECISION_H_
#define POSTERN_POLICY_DECISION_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
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
  Path from;  // as the envelope has it
  Path to;    // as the client gave it
  // The recipient as the envelope has it, if a check has replaced it.
  std::optional<Path> as;
  Reply reply;  // the engine's usual reply if the verdict has none

  bool accepted() const { return kind == Verdict::Kind::kAccept; }

  friend bool operator==(const Decision&, const Decision&) = default;
};

// Returns the name of the status in the log: "none", "unchecked", "confirmed",
// "temporary" or "forged".
absl::string_view StatusText(NameStatus status);
// Returns the status with this name, or nullopt if there is none.
std::optional<NameStatus> FindNameStatus(absl::string_view text);

// Returns the decision `verdict` about `ask` if the log shows it: each answer
// about a recipient, and each refusal at another stage. Otherwise returns
// nullopt.
std::optional<Decision> DecisionToLog(const Ask& ask, const Verdict& verdict);

// Returns the decision as a line of the log. In logfmt:
//
//   rcpt decision=accept rule=rcpthosts source=/var/qmail/control/rcpthosts:3
//   ip=192.0.2.1 host=client.example host-status=confirmed helo=client.example
//   user=ann from=<s@example.org> to=<u@[192.0.2.9]> as=<u@local.example>
//   reply="250 2.1.5 ok"
//
// (in one line, with the fields in this order; the fields session and id
// precede the event). The event is the stage. The decision is accept, refuse or
// drop. Only the stages mail, rcpt and data have "from", and only rcpt has
// "to". A field without a value is left out if it is "host-status" (the name
// was not looked up), "helo", "user" or "as" (see Decision).
//
// With the same configuration, and the same answers of DNS and of other
// programs, `postern explain --log LINE` makes the same decision, except about
// data.
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
