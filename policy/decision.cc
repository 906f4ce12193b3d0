// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/decision.h"

#include "absl/strings/str_cat.h"
#include "policy/log_value.h"

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
  }
  return "";
}

std::string FormatDecision(const Decision& decision,
                           const SessionInfo& session) {
  return absl::StrCat("rcpt decision=", KindName(decision.kind),
                      " rule=", RuleName(decision.rule),
                      " source=", LogText(decision.source, kMaxLoggedText),
                      " ip=", LogText(session.remote_address, kMaxLoggedName),
                      " host=", LogText(session.remote_name, kMaxLoggedName),
                      " from=", LogAddress(decision.from),
                      " to=", LogAddress(decision.to),
                      " reply=", LogReply(decision.reply));
}

}  // namespace postern::policy
