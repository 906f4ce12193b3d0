// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Networks that clients are told apart by:
//
//   entry                  holds
//   192.0.2.0/24           192.0.2.0 to 192.0.2.255
//   192.0.2.1              this address alone, as does 192.0.2.1/32
//   2001:db8::/32          the IPv6 addresses that begin with these 32 bits
//   ::ffff:192.0.2.0/120   as 192.0.2.0/24
//
// Addresses are compared as numbers. An IPv4-mapped IPv6 address, of an entry
// or of a client, is the IPv4 address in it; so no IPv6 network holds an IPv4
// client, not even ::/0.

#ifndef POSTERN_POLICY_NETWORK_LIST_H_
#define POSTERN_POLICY_NETWORK_LIST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {

// Thread-safety: once built it never changes; any thread may look things up.
class NetworkList {
 public:
  // Holds nobody.
  NetworkList() = default;

  // Returns the list of all `entries`, or an error that quotes the first which
  // is none: no address (a zone and blanks are no part of one), a length that
  // is no decimal number up to 32 or 128, or an address that has a bit set
  // behind that length: "192.0.2.1/24" is either a host or a network, and
  // nobody can tell which was meant.
  static absl::StatusOr<NetworkList> Parse(
      absl::Span<const std::string> entries);

  // Returns whether a network holds `address`; false where there is none.
  // Linear in the number of networks.
  bool Contains(const std::optional<IpAddress>& address) const;

  bool empty() const { return networks_.empty(); }

 private:
  // All addresses of one family that share their first bits.
  struct Network {
    IpAddress address;
    unsigned bits = 0;  // of IpAddress::bytes(): 96 to 128 for IPv4

    bool Contains(const IpAddress& other) const;
  };

  static absl::StatusOr<Network> ParseNetwork(absl::string_view entry);

  std::vector<Network> networks_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NETWORK_LIST_H_
