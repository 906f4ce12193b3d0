// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An IP address as a number, so that no rule depends on how the address is
// written. It is the only type for host addresses, and has the only parser.

#ifndef POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_
#define POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// A value type. An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2), which a socket
// for both families reports for IPv4 clients, equals the IPv4 address.
class IpAddress {
 public:
  // Sixteen octets in network byte order. IPv4 is stored as IPv4-mapped IPv6.
  using Bytes = std::array<uint8_t, 16>;

  // The address with these octets, the most significant one first.
  explicit constexpr IpAddress(const Bytes& bytes) : bytes_(bytes) {}
  // Returns the IPv4 address of four octets in network byte order.
  static IpAddress V4(const std::array<uint8_t, 4>& octets);

  // Parses "192.0.2.1", without leading zeros in the numbers, because other
  // programs read those as octal; or any form of RFC 4291 2.2. Returns nullopt
  // for anything else. A zone ("fe80::1%1"), brackets and spaces are not part
  // of an address.
  static std::optional<IpAddress> Parse(absl::string_view text);

  // Parses the inside of an address literal, RFC 5321 4.1.3: "192.0.2.1", whose
  // numbers may have up to three digits with leading zeros, or
  // "IPv6:2001:db8::1", in which "::" replaces at least two groups.
  static std::optional<IpAddress> ParseLiteral(absl::string_view text);

  // Returns whether it is an IPv4 address.
  bool v4() const;
  // The octets, the most significant one first. IPv4: ::ffff:0:0/96.
  const Bytes& bytes() const { return bytes_; }

  // Returns the text of RFC 5952: "192.0.2.1", "2001:db8::1". In IPv6, "::"
  // replaces the longest run of zero groups, the first of equal ones, if it has
  // at least `shortest_run` groups.
  std::string ToString(size_t shortest_run = 2) const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  Bytes bytes_;
};

// Returns the text of `address`, or "" if there is none.
std::string ToString(const std::optional<IpAddress>& address);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_
