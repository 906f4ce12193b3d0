// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// IP networks as addresses of tcpserver's rules.

#ifndef POSTERN_POLICY_RULES_TCP_RULE_NETWORK_H_
#define POSTERN_POLICY_RULES_TCP_RULE_NETWORK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "net/network_list.h"

namespace postern::policy {

// A network as keys of tcp_rule_key.h.
struct TcpRuleNetwork {
  // Every client in the network has exactly one of these keys, and no other
  // client has one. In ascending order of the addresses.
  std::vector<std::string> keys;
  // How many bits shorter the network is than its keys: 4 for the 16 keys of
  // 10.0.16.0/20. Of two networks that share a key, the one with the larger
  // number contains the other.
  unsigned widened_bits = 0;
};

// Returns the keys of `network`: whole addresses and prefixes that end at the
// next dot or colon. An IPv4 network has at most 256 keys, an IPv6 network at
// most 65537.
//
//   10.0.0.0/8        10.
//   192.0.2.128/26    192.0.2.128 to 192.0.2.191
//   2001:db8::/32     2001:db8:
//   2001:db8::/48     2001:db8::  2001:db8:0:
//
// Returns kInvalidArgument for an IPv6 network that prefixes cannot express,
// because "::" in a prefix is any number of zero groups:
//
//   - a network of less than 113 bits with a zero group before the group in
//     which its bits end. 2001:db8::/64 is such a network: 2001:db8:: is also a
//     prefix of 2001:db8:0:1:2:3:4:5, which is written 2001:db8::1:2:3:4:5.
//   - a longer network with an address that ends in "::" for two zero groups or
//     more. As a key, such an address is a prefix, too.
absl::StatusOr<TcpRuleNetwork> MakeTcpRuleNetwork(const net::Network& network);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULE_NETWORK_H_
