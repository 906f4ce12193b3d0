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
// Trailing spaces and tabs do not belong to a line. Lines that begin with '#',
// empty lines and lines without a colon are not rules. In a rule
//
//   - the address ends at the first ":allow" or ":deny". tcp_rule_key.h
//     describes its meaning. A '-' in an address without '=' and '@' makes it a
//     range, if there are only digits between the '-' and the dots (or ends)
//     next to it: one rule for each number, up to 255. A missing number is 0.
//     Further '-' stay as they are.
//   - a variable begins with a comma. Its name ends at the next '='. The
//     character after the '=', usually a quote, encloses the value.
//
// Only the tcprules of Debian's ucspi-tcp-ipv6 accepts colons within the
// address of a line; other versions of tcprules refuse such a line. All
// versions read the other lines as described here, with two differences: a NUL
// within a rule is an error here, and tcprules takes a number of 20 digits or
// more modulo 2^64.

#ifndef POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_
#define POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::policy {

// The largest database that a text may make, in bytes. It stops ranges, with
// which a line of 1 KiB can add 256 KiB to the database. The limit of cdb
// itself is 4 GiB.
inline constexpr size_t kMaxTcpRulesSize = 64 << 20;

// One record of the database, as tcp_rules.h reads it.
struct TcpRule {
  std::string key;     // an address without ranges
  std::string record;  // 'D' NUL for deny; '+' NAME '=' VALUE NUL for each
  int line = 0;        // of the text, from 1

  friend bool operator==(const TcpRule&, const TcpRule&) = default;
};

struct TcpRulesText {
  // In the order of the text. Of two rules with the same key the first counts.
  std::vector<TcpRule> rules;
  // Warnings about rules that never apply, which is probably a mistake: a
  // network with a slash, a blank in the address, a name with upper-case
  // letters, an invalid address (IsTcpRuleKey()), an empty range, an address
  // that an earlier line has; a line without a colon; a variable without a name
  // or with a blank in its name. Each warning begins with "PATH:LINE: ". Each
  // kind of mistake is reported once, at the first line that has it.
  std::vector<std::string> warnings;
};

// Parses `text`, the content of the file `path`. Returns kInvalidArgument, as
// "PATH:LINE: WHAT", for the first line that has a colon and is not a valid
// rule. Returns kResourceExhausted for the line that makes the database larger
// than kMaxTcpRulesSize. Linear in the size of the result.
absl::StatusOr<TcpRulesText> ParseTcpRules(absl::string_view path,
                                           absl::string_view text);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_
