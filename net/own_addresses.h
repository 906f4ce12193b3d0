// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The IPv4 addresses of this host. They decide whether u@[192.0.2.1] is a local
// recipient. As in qmail-smtpd, an IPv6 literal is never local.

#ifndef POSTERN_NET_OWN_ADDRESSES_H_
#define POSTERN_NET_OWN_ADDRESSES_H_

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::net {

// Thread-safety: Contains() may be called from any thread.
class OwnAddresses {
 public:
  virtual ~OwnAddresses() = default;

  // Returns whether `address`, an IPv4 address, is an address of this host, or
  // an error if the addresses cannot be listed.
  virtual absl::StatusOr<bool> Contains(const IpAddress& address) const = 0;
};

// The addresses of the interfaces that are up, and 0.0.0.0, which connects to
// this host. The first call of Contains() lists them, because few sessions need
// them. An address that the host gets later is not noticed. After an error the
// next call lists the addresses again.
class InterfaceAddresses : public OwnAddresses {
 public:
  absl::StatusOr<bool> Contains(const IpAddress& address) const override;

 private:
  mutable std::mutex mutex_;
  mutable std::optional<std::vector<IpAddress>> addresses_;
};

// Returns the address in "[192.0.2.1]". Returns nullopt for any other text,
// including IPv6 literals. Does not reduce numbers modulo 256, as qmail does.
// See IpAddress::ParseLiteral().
std::optional<IpAddress> ParseIpv4Literal(absl::string_view domain);

}  // namespace postern::net

#endif  // POSTERN_NET_OWN_ADDRESSES_H_
