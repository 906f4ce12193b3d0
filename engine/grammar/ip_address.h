// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An IP address as a number, so that no rule depends on how one is written.
// This is the one type for addresses of hosts, and the one parser of their
// text.

#ifndef POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_
#define POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// A value. An IPv4-mapped IPv6 address, in which a socket for both families
// shows its IPv4 clients (RFC 4291 2.5.5.2), is the IPv4 address in it.
class IpAddress {
 public:
  // Sixteen octets in the order of the network; IPv4 as IPv4-mapped IPv6.
  using Bytes = std::array<uint8_t, 16>;

  explicit constexpr IpAddress(const Bytes& bytes) : bytes_(bytes) {}
  // Returns the IPv4 address of four octets in the order of the network.
  static IpAddress V4(const std::array<uint8_t, 4>& octets);

  // Returns the address in `text`: "192.0.2.1", whose numbers have no leading
  // zeros, since other programs read those as octal; or any form of RFC 4291
  // 2.2. Returns nullopt for all other text: a zone ("fe80::1%1"), brackets
  // and blanks are not part of an address.
  static std::optional<IpAddress> Parse(absl::string_view text);

  // Returns the address in an address literal, RFC 5321 4.1.3, without its
  // brackets: "192.0.2.1", whose numbers may have up to three digits and
  // leading zeros, or "IPv6:2001:db8::1", in which "::" stands for at least
  // two groups.
  static std::optional<IpAddress> ParseLiteral(absl::string_view text);

  bool v4() const;
  const Bytes& bytes() const { return bytes_; }

  // Returns the text by RFC 5952: "192.0.2.1", "2001:db8::1". In IPv6, "::"
  // stands for the longest run of zero groups, if it has `shortest_run` groups
  // or more, and for the first of equal ones.
  std::string ToString(size_t shortest_run = 2) const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  Bytes bytes_;
};

// Returns the text of `address`, or nothing where there is none.
std::string ToString(const std::optional<IpAddress>& address);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_IP_ADDRESS_H_
