// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The text that tcprules(1) compiles into tcpserver's rules:
//
//   # address:instruction,variables
//   192.0.2.7-9:allow,RELAYCLIENT=""
//   10.:allow,RELAYCLIENT="@fix.me",COLOUR=/"red"/
//   =.evil.example:deny
//   2001:db8::allow
//   :allow
//
// A line ends where its trailing spaces and tabs begin. Lines that begin with
// '#', empty ones and those without a colon are no rules. In a rule
//
//   - the address ends at the first ":allow" or ":deny". What it means is said
//     in tcp_rule_key.h. A '-' in an address without '=' and '@' makes it a
//     range, if there are no more than digits between the '-' and the dots (or
//     ends) beside it: one rule for each number, up to 255. No digits are 0.
//     Further '-' stay as they are.
//   - a variable begins with a comma. Its name goes up to the next '=', and its
//     value is between two of whatever character comes next, a quote mostly.
//
// That a line may hold colons within its address is the language of Debian's
// ucspi-tcp-ipv6; every other tcprules refuses such a line. It takes all others
// as it is said here, but for a NUL within a rule, which is an error here, and
// a number of 20 digits or more, which it takes modulo 2^64.

#ifndef POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_
#define POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::policy {

// The largest database that a text may make, in bytes: stops ranges, with which
// a line of 1 KiB can be 256 KiB of it. cdb itself ends at 4 GiB.
inline constexpr size_t kMaxTcpRulesSize = 64 << 20;

// One record of the database, as tcp_rules.h reads it.
struct TcpRule {
  std::string key;     // an address, ranges counted out
  std::string record;  // 'D' NUL for deny; '+' NAME '=' VALUE NUL for each
  int line = 0;        // in the text, from 1

  friend bool operator==(const TcpRule&, const TcpRule&) = default;
};

struct TcpRulesText {
  // In the order of the text. Of two with the same key the first counts.
  std::vector<TcpRule> rules;
  // About rules that never apply and were hardly meant so: a network with a
  // slash, a blank in the address, a name in capitals, an address that is none
  // (IsTcpRuleKey()), an empty range, an address that an earlier line has; a
  // line without a colon; a variable without a name or with a blank in it. Each
  // begins with "PATH:LINE: ", and a kind of mistake is reported once, at the
  // first line that has it.
  std::vector<std::string> warnings;
};

// Returns what `text`, which is in the file `path`, says. Returns
// kInvalidArgument, as "PATH:LINE: WHAT", for the first line that is no rule
// though it has a colon, and kResourceExhausted for the line with which the
// database is larger than kMaxTcpRulesSize. Linear in what it returns.
absl::StatusOr<TcpRulesText> ParseTcpRules(absl::string_view path,
                                           absl::string_view text);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_
