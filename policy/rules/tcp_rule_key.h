// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The keys by which tcpserver's rules describe clients: the addresses at the
// beginning of the lines, which are the keys of the database that tcprules
// makes.
//
//   key             matches a client                          order
//   joe@192.0.2.1   with this address and the ident name joe  1st
//   joe@=a.example  with this confirmed name and ident name   2nd
//   192.0.2.1       with this address                         3rd
//   =a.example      with this confirmed name                  4th
//   192.0.2.        by prefix of the address; then 192.0.     5th
//   =.example       by suffix of the name, longest first      6th
//   =               with a confirmed name                     7th
//   (empty)         any client                                8th
//
// IPv6 addresses are written as in Debian's ucspi-tcp-ipv6: in lower case, with
// "::" for the longest run of zero groups, even if the run has only one group.
// Of several longest runs the first one is shortened. Prefixes end in ':': the
// prefixes of 2001:db8::1 are 2001:db8::, 2001:db8: and 2001:.

#ifndef POSTERN_POLICY_RULES_TCP_RULE_KEY_H_
#define POSTERN_POLICY_RULES_TCP_RULE_KEY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_info.h"

namespace postern::policy {

// Returns the keys of `peer`, in the order in which tcpserver looks for them.
//
// The name is `remote_name` if its status is kConfirmed. Otherwise the client
// has no name, because a client can claim any name that is not confirmed. The
// name is converted to lower case, without a dot at its end. The ident name is
// `remote_info`, if it is set. The client chooses it, so do not ask a client
// for it if a rule grants something to an ident name.
//
// A client without an address, from a Unix socket, has only the empty key.
std::vector<std::string> TcpRuleKeys(const SessionInfo& peer);

// Returns the text of `address` in keys.
std::string TcpRuleAddress(const IpAddress& address);

// Returns whether a client can have `key` among its keys. Examples of keys that
// no client has: 192.0.2.0/24, 192.0.2 (without a dot at the end), 192.0.2.01,
// joe@192.0., 2001:DB8::, =A.example, a.example.
bool IsTcpRuleKey(absl::string_view key);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULE_KEY_H_
