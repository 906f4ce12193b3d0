// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/decision.h"

#include <utility>

namespace postern::policy {
namespace {

absl::string_view KindName(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::kAccept:
      return "accept";
    case Verdict::Kind::kRefuse:
      return "refuse";
    case Verdict::Kind::kDrop:
      return "drop";
  }
  return "";
}

}  // namespace

absl::string_view RuleName(Rule rule) {
  switch (rule) {
    case Rule::kSenders:
      return "senders";
    case Rule::kBadAddress:
      return "bad-address";
    case Rule::kBadMailFrom:
      return "badmailfrom";
    case Rule::kRelayClient:
      return "relayclient";
    case Rule::kAuthenticated:
      return "authenticated";
    case Rule::kLocalName:
      return "local-name";
    case Rule::kRcptHosts:
      return "rcpthosts";
    case Rule::kMoreRcptHosts:
      return "morercpthosts";
    case Rule::kOpenRelay:
      return "open-relay";
    case Rule::kNotListed:
      return "not-listed";
    case Rule::kControlError:
      return "control-error";
    case Rule::kMailbox:
      return "mailbox";
    case Rule::kNoRelay:
      return "no-relay";
  }
  return "";
}

log::LogLine LogDecision(const Decision& decision, const SessionInfo& session,
                         const log::LogStyle& style) {
  const bool sender = decision.about == Decision::About::kSender;
  log::LogLine line(sender ? "mail" : "rcpt", style,
                    {session.session_id, decision.message});
  line.Word("decision", KindName(decision.kind))
      .Word("rule", RuleName(decision.rule))
      .Sentence("source", decision.source, log::kMaxLoggedText)
      .Ip("ip", session.remote_address)
      .Text("host", session.remote_name, log::kMaxLoggedName)
      .Address("from", decision.from);
  if (!sender) line.Address("to", decision.to);
  line.Answer("reply", decision.reply);
  return line;
}

std::string FormatDecision(const Decision& decision,
                           const SessionInfo& session) {
  return LogDecision(decision, session, log::LogStyle()).End();
}

}  // namespace postern::policy
