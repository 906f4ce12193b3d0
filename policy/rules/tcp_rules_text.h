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
//
// TcpNetworks::kExpanded adds networks to this language. Every version of
// tcprules makes a network a rule that never matches:
//
//   192.0.2.128/26:allow,RELAYCLIENT=""
//   2001:db8::/32:deny

#ifndef POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_
#define POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_

#include <cstddef>
#include <cstdint>
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
  // Of two rules with the same key the first counts. The rules are in the order
  // of the text, except that expanded networks that are shorter than their keys
  // come last, the shortest after all others. So the most specific rule counts,
  // as it does among keys.
  std::vector<TcpRule> rules;
  // Warnings about what is probably a mistake. A rule never applies: a network
  // that is not expanded, a blank in the address, a name with upper-case
  // letters, an invalid address (IsTcpRuleKey()), an empty range, an address
  // that an earlier line has. Something has no effect: a line without a colon,
  // the end of a range above 255, a variable of a :deny, a variable that the
  // rule sets again. A missing number of a range counts as 0. A variable's name
  // is empty or contains a blank. Each warning begins with "PATH:LINE: ". Each
  // kind of mistake is reported once, at the first line that has it.
  std::vector<std::string> warnings;
};

// What an address with a slash means, if it contains neither '=' nor '@'.
enum class TcpNetworks : uint8_t {
  kLiteral,   // as in tcprules: an address that no client has
  kExpanded,  // a network: one rule for each key of tcp_rule_network.h
};

// Parses `text`, the content of the file `path`. Returns kInvalidArgument, as
// "PATH:LINE:COLUMN: WHAT", for the first line that has a colon and is not a
// valid rule. COLUMN counts octets from 1. Returns the same code, as
// "PATH:LINE: WHAT", for the line that makes the database larger than
// kMaxTcpRulesSize. Linear in the size of the result.
absl::StatusOr<TcpRulesText> ParseTcpRules(
    absl::string_view path, absl::string_view text,
    TcpNetworks networks = TcpNetworks::kLiteral);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULES_TEXT_H_
