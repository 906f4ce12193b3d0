// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The IPv4 addresses of this host. They decide whether u@[192.0.2.1] is local
// mail. An IPv6 literal never is, as in qmail-smtpd.

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

// Thread-safety: implementations allow Contains() from any thread.
class OwnAddresses {
 public:
  virtual ~OwnAddresses() = default;

  // Returns whether `address`, an IPv4 address, is an address of this host, or
  // an error if that cannot be found out.
  virtual absl::StatusOr<bool> Contains(const IpAddress& address) const = 0;
};

// The addresses of the interfaces that are up, and 0.0.0.0, which connects to
// this host. Listed when first asked for, because hardly any session asks. An
// address that appears later needs a new object. After an error the next call
// tries again.
class InterfaceAddresses : public OwnAddresses {
 public:
  absl::StatusOr<bool> Contains(const IpAddress& address) const override;

 private:
  mutable std::mutex mutex_;
  mutable std::optional<std::vector<IpAddress>> addresses_;
};

// Returns the address in "[192.0.2.1]": IpAddress::ParseLiteral() in brackets
// (qmail takes its numbers modulo 256). Returns nullopt for all other text, an
// IPv6 literal included.
std::optional<IpAddress> ParseIpv4Literal(absl::string_view domain);

}  // namespace postern::net

#endif  // POSTERN_NET_OWN_ADDRESSES_H_
