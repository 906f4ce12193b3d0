// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Whom limits count as one client.

#ifndef POSTERN_POLICY_LIMITS_CLIENT_NETWORK_H_
#define POSTERN_POLICY_LIMITS_CLIENT_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "engine/grammar/ip_address.h"

namespace postern::policy {

// An IPv4 address, or the /64 of an IPv6 one, which is what one subscriber has:
// whoever has one can have any of its addresses. An IPv4-mapped IPv6 address is
// the IPv4 address in it. All that is no address is one client. A value.
class ClientNetwork {
 public:
  explicit ClientNetwork(const std::optional<IpAddress>& address) {
    if (!address) return;
    const auto& bytes = address->bytes();
    kind_ = address->v4() ? Kind::kIpv4 : Kind::kIpv6;
    for (size_t i = 0; i < 8; ++i) {
      // The second half of an IPv4 address is ::ffff and all of it.
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
  uint64_t network_ = 0;  // the address, or the first half of it
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_CLIENT_NETWORK_H_
