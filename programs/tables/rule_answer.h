// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The answer of tcpserver's rules for a client, in words.

#ifndef POSTERN_PROGRAMS_TABLES_RULE_ANSWER_H_
#define POSTERN_PROGRAMS_TABLES_RULE_ANSWER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "engine/session_info.h"
#include "policy/rules/tcp_rules.h"

namespace postern::programs {

// Returns what tcprulescheck(1) prints for `peer`, which `match` is the rule
// for, with explanations: indented lines after the line that they explain. They
// name the place of the rule, why it matches, the keys that come before its
// key, and what each variable means. `source` is "FILE:LINE", or empty if the
// place is not known. The result is printable ASCII, see log/printable.h.
//
//   rule 192.0.2.:
//     /etc/tcp.smtp:3
//     The address 192.0.2.7 begins with 192.0.2.
//     These addresses come first and have no rule: 192.0.2.7
//   set environment variable RELAYCLIENT=
//     The client may relay: it may send to every domain.
//   allow connection
std::string DescribeRule(const SessionInfo& peer,
                         const policy::TcpRules::Match& match,
                         absl::string_view source);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_TABLES_RULE_ANSWER_H_
