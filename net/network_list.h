// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A list of IP networks:
//
//   entry                  contains
//   192.0.2.0/24           192.0.2.0 to 192.0.2.255
//   192.0.2.1              only this address, like 192.0.2.1/32
//   2001:db8::/32          the IPv6 addresses that begin with these 32 bits
//   ::ffff:192.0.2.0/120   the same as 192.0.2.0/24
//
// Addresses are compared as numbers. An IPv4-mapped IPv6 address, in an entry
// or of a client, counts as the IPv4 address that it contains. So no IPv6
// network contains an IPv4 client, not even ::/0.

#ifndef POSTERN_NET_NETWORK_LIST_H_
#define POSTERN_NET_NETWORK_LIST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"

namespace postern::net {

// All addresses of one family that begin with the same bits.
struct Network {
  // Parses one entry of a NetworkList. The error quotes the entry. An entry is
  // wrong if its address does not parse (zones and spaces are not allowed), if
  // its length is not a decimal number up to 32 or 128, or if its address has a
  // bit set after that length: "192.0.2.1/24" could mean the host or the
  // network.
  static absl::StatusOr<Network> Parse(absl::string_view entry);

  // Returns whether `other` is one of the addresses.
  bool Contains(const IpAddress& other) const;

  IpAddress address;  // the first one: the bits after `bits` are 0
  unsigned bits = 0;  // of IpAddress::bytes(): 96 to 128 for IPv4
};

// Immutable once parsed, so thread-safe.
class NetworkList {
 public:
  // Contains no address.
  NetworkList() = default;

  // Returns the list of all `entries`, or the error of Network::Parse() for the
  // first wrong one.
  static absl::StatusOr<NetworkList> Parse(
      absl::Span<const std::string> entries);

  // Returns whether one of the networks contains `address`; false if there is
  // no address. Linear in the number of networks.
  bool Contains(const std::optional<IpAddress>& address) const;

  // Returns whether the list has no network.
  bool empty() const { return networks_.empty(); }
  // The networks in the order of the entries.
  const std::vector<Network>& networks() const { return networks_; }

 private:
  std::vector<Network> networks_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_NETWORK_LIST_H_
