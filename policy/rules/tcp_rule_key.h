// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What tcpserver's rules know clients by: the addresses at the beginning of
// their lines, which are the keys of the database that tcprules makes.
//
//   key             is a client whose                        asked
//   joe@192.0.2.1   address this is, ident says joe          1st
//   joe@=a.example  confirmed name this is, ident says joe   2nd
//   192.0.2.1       address this is                          3rd
//   =a.example      confirmed name this is                   4th
//   192.0.2.        address begins so; 192.0. after that     5th
//   =.example       confirmed name ends so, longest first    6th
//   =               name is confirmed                        7th
//   (nothing)       ...anyone                                8th
//
// An IPv6 address is written as Debian's ucspi-tcp-ipv6 writes it: lower case,
// the longest run of zero groups, be it one group, as "::", the first of equal
// ones. Its beginnings end in ':': 2001:db8::1 is asked for as 2001:db8::,
// 2001:db8: and 2001:.

#ifndef POSTERN_POLICY_RULES_TCP_RULE_KEY_H_
#define POSTERN_POLICY_RULES_TCP_RULE_KEY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/session_info.h"

namespace postern::policy {

// Returns the keys of `peer`, in the order in which tcpserver looks for them.
//
// The name is `remote_name` if its status is
// kConfirmed, and no name otherwise: anyone can have any name that nobody has
// confirmed. It is taken in lower case and without a dot at its end. What ident
// says is `remote_info`, if there is one: it is the client's own word, so ask
// no client for it whose rules grant something for it.
//
// A client without an address, which comes by a Unix socket, has the last key
// alone: the rule for anyone.
std::vector<std::string> TcpRuleKeys(const SessionInfo& peer);

// Returns whether there can be a client that has `key` among its keys. Not one
// has 192.0.2.0/24, 192.0.2 (without a dot at the end), 192.0.2.01, joe@192.0.,
// 2001:DB8::, =A.example or a.example.
bool IsTcpRuleKey(absl::string_view key);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULE_KEY_H_
