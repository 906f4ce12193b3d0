// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/tables/rule_answer.h"

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "log/printable.h"
#include "policy/rule_facts.h"
#include "policy/rules/not_read.h"
#include "policy/rules/tcp_rule_key.h"

namespace postern::programs {
namespace {

// The variables that postern, or a program that is used with it, reads in
// rules. policy::WhyIdle() has the variables that postern serve does not read.
constexpr struct {
  absl::string_view name;
  absl::string_view meaning;
} kMeanings[] = {
    {"DATABYTES", "The largest message in octets. 0 means no limit."},
    {"QMAILQUEUE", "The program that gets the client's messages."},
    {"POSTERN_BARE_NEWLINES",
     "How messages with a bare CR or LF are treated: reject or normalize."},
    {"POSTERN_LENIENT",
     "The networks in which clients may end commands with LF."},
};

std::string Meaning(absl::string_view name, absl::string_view value) {
  if (name == "RELAYCLIENT") {
    return absl::StrCat(
        "The client may relay: it may send to every domain.",
        value.empty() ? "" : " The value is added to each recipient.");
  }
  if (name == "RBLSMTPD") {
    return value.empty()
               ? "No DNS list is asked about the client."
               : "No DNS list is asked, and mail is refused with this text.";
  }
  for (const auto& row : kMeanings) {
    if (row.name == name) return std::string(row.meaning);
  }
  const std::optional<std::string> idle = policy::WhyIdle(name);
  if (idle) {
    return absl::StrCat("postern serve does not use this variable: it is ",
                        *idle, ".");
  }
  return "The programs that serve the client and the queue program get it.";
}

// Returns why the rule with the key `key` matches `peer`.
std::string Reason(const SessionInfo& peer, absl::string_view key) {
  const std::string ip = policy::TcpRuleAddress(*peer.remote_address);
  if (key.empty()) return "The rule without an address is for all clients.";
  if (key == ip) return "The rule is for this address.";
  if (key == "=") return "The rule is for all clients with a host name.";
  if (absl::StartsWith(ip, key)) {
    return absl::StrCat("The address ", ip, " begins with ",
                        log::Printable(key));
  }
  if (peer.remote_info &&
      absl::StartsWith(key, absl::StrCat(*peer.remote_info, "@"))) {
    return absl::StrCat(
        "The rule is for this user of this ",
        absl::EndsWith(key, absl::StrCat("@", ip)) ? "address." : "host name.");
  }
  if (absl::StartsWith(key, "=.")) {
    return absl::StrCat("The host name ", log::Printable(peer.remote_name),
                        " ends with ", log::Printable(key.substr(1)));
  }
  return "The rule is for this host name.";
}

}  // namespace

std::string DescribeRule(const SessionInfo& peer,
                         const policy::TcpRules::Match& match,
                         absl::string_view source) {
  std::string text;
  if (match.key) {
    absl::StrAppend(&text, "rule ", log::Printable(*match.key), ":\n");
    if (!source.empty()) {
      absl::StrAppend(&text, "  ", log::Printable(source), "\n");
    }
    absl::StrAppend(&text, "  ", Reason(peer, *match.key), "\n");
  } else {
    absl::StrAppend(&text, "default:\n",
                    "  No rule matches. Such a client is allowed; the rule "
                    "\":deny\" changes that.\n");
  }
  std::vector<std::string> earlier;
  for (const std::string& key : policy::TcpRuleKeys(peer)) {
    if (key == match.key) break;
    earlier.push_back(key.empty() ? "(empty)" : log::Printable(key));
  }
  if (!earlier.empty()) {
    absl::StrAppend(&text, "  These addresses",
                    match.key ? " come first and" : "",
                    " have no rule: ", absl::StrJoin(earlier, " "), "\n");
  }
  if (!match.allow) {
    return text +
           "deny connection\n"
           "  tcpserver closes the connection. postern serve replies with a "
           "554 first.\n";
  }
  for (const auto& [name, value] : match.variables) {
    absl::StrAppend(&text, "set environment variable ", log::Printable(name),
                    "=", log::Printable(value), "\n  ", Meaning(name, value),
                    "\n");
  }
  absl::StrAppend(&text, "allow connection\n");
  const absl::StatusOr<policy::RuleFacts> facts =
      policy::ReadRuleFacts(match, peer.remote_address);
  if (!facts.ok()) {
    absl::StrAppend(&text, "  postern serve replies with a 421 because of ",
                    log::Printable(facts.status().message()), "\n");
  }
  return text;
}

}  // namespace postern::programs
