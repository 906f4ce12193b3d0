// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An IP address as a number, so that no rule is about how one is written.

#ifndef POSTERN_POLICY_IP_ADDRESS_H_
#define POSTERN_POLICY_IP_ADDRESS_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace postern::policy {

class IpAddress {
 public:
  // Returns the address in `text`: "192.0.2.1", whose octets have no leading
  // zeros, or any form of RFC 4291 2.2. An IPv4-mapped IPv6 address, in which
  // a socket for both families shows its IPv4 clients (RFC 4291 2.5.5.2), is
  // the IPv4 address in it. Returns nullopt for all else, a zone ("fe80::1%1"),
  // brackets and blanks included.
  static std::optional<IpAddress> Parse(absl::string_view text);

  bool v4() const;

  // Returns the address in the order of the network; IPv4 as IPv4-mapped IPv6.
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  explicit IpAddress(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}

  std::array<uint8_t, 16> bytes_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_IP_ADDRESS_H_
