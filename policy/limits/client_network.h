// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Which addresses count as one client.

#ifndef POSTERN_POLICY_LIMITS_CLIENT_NETWORK_H_
#define POSTERN_POLICY_LIMITS_CLIENT_NETWORK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "engine/grammar/ip_address.h"

namespace postern::policy {

// An IPv4 address, or the /64 network of an IPv6 address. A subscriber usually
// has a /64 and can use each address in it. An IPv4-mapped IPv6 address counts
// as its IPv4 address. All clients without an address are one client.
class ClientNetwork {
 public:
  explicit ClientNetwork(const std::optional<IpAddress>& address) {
    if (!address) return;
    const auto& bytes = address->bytes();
    kind_ = address->v4() ? Kind::kIpv4 : Kind::kIpv6;
    for (size_t i = 0; i < 8; ++i) {
      // The second half of an IPv4-mapped address is ::ffff and the IPv4
      // address.
      network_ = network_ << 8 | bytes[address->v4() ? 8 + i : i];
    }
  }

  friend bool operator==(const ClientNetwork&, const ClientNetwork&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const ClientNetwork& client) {
    return H::combine(std::move(hash), client.kind_, client.network_);
  }

 private:
  enum class Kind : uint8_t { kNone, kIpv4, kIpv6 };
  Kind kind_ = Kind::kNone;
  uint64_t network_ = 0;  // the address or its first half
};

// Returns the same as text: "192.0.2.1", "2001:db8::/64", or "-" for all
// clients without an address.
inline std::string ClientNetworkText(const std::optional<IpAddress>& address) {
  if (!address) return "-";
  if (address->v4()) return address->ToString();
  IpAddress::Bytes bytes = address->bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return IpAddress(bytes).ToString() + "/64";
}

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_CLIENT_NETWORK_H_
