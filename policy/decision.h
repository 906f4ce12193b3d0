// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The relay decision about one recipient, and the decision about a sender: a
// value that carries its reason.
// The session log and whatever explains a decision print this same value.

#ifndef POSTERN_POLICY_DECISION_H_
#define POSTERN_POLICY_DECISION_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "log/log_line.h"

namespace postern::policy {

// What decided, in the order in which it is asked.
enum class Rule : uint8_t {
  kSenders,        // whether the sender is one of the user's: see SenderList
  kBadAddress,     // an envelope cannot hold one of the addresses: refused
  kBadMailFrom,    // the sender is in badmailfrom: refused
  kRelayClient,    // RELAYCLIENT is set
  kAuthenticated,  // the session has an identity
  kLocalName,      // the recipient has no domain
  kRcptHosts,      // its domain is in rcpthosts
  kMoreRcptHosts,  // its domain is in morercpthosts.cdb
  kOpenRelay,      // there is no rcpthosts, on purpose
  kNotListed,      // none of these: refused
  kControlError,   // one of them could not be asked: refused for now
  kMailbox,        // accepted, but for its mailbox: see RelayPolicy
  kNoRelay,        // the client may relay, but nothing sends mail on: refused
};
inline constexpr size_t kRules = static_cast<size_t>(Rule::kNoRelay) + 1;

// Refused unless someone says otherwise.
struct Decision {
  enum class About : uint8_t {
    kRecipient,
    kSender,  // at MAIL: there is no recipient yet
  };
  About about = About::kRecipient;
  Verdict::Kind kind = Verdict::Kind::kRefuse;
  Rule rule = Rule::kNotListed;
  int message = 0;  // which the recipient is of: Rcpt::message, Mail::message
  // Where the rule stands: "FILE:LINE", "FILE key KEY", "RELAYCLIENT",
  // "user NAME", what went wrong, or nothing.
  std::string source;
  // As the envelope gets them if this is an acceptance.
  Path from;
  Path to;
  Reply reply;  // for an acceptance: the engine's usual one

  bool accepted() const { return kind == Verdict::Kind::kAccept; }

  friend bool operator==(const Decision&, const Decision&) = default;
};

// Returns the rule's name in logs: "senders", "bad-address", "badmailfrom",
// "relayclient", "authenticated", "local-name", "rcpthosts", "morercpthosts",
// "open-relay", "not-listed", "control-error", "mailbox", "no-relay". These
// names do not change.
absl::string_view RuleName(Rule rule);

// Returns the decision as a line of a log; as logfmt:
//
//   rcpt decision=accept rule=rcpthosts source=/var/qmail/control/rcpthosts:3
//   ip=192.0.2.1 host=client.example from=<s@example.org> to=<u@local.example>
//   reply="250 2.1.5 ok"
//
// (one line, always these fields in this order; session and id stand before the
// event). The decision is accept, refuse
// or drop. About a sender, the event is "mail" and there is no "to".
log::LogLine LogDecision(const Decision& decision, const SessionInfo& session,
                         const log::LogStyle& style);
// The same as the text of logfmt, with nothing before the event.
std::string FormatDecision(const Decision& decision,
                           const SessionInfo& session);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DECISION_H_
