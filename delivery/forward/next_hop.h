// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The address of a next hop: the server to which a delivery forwards messages.
//
//   lmtp:unix:/run/dovecot/lmtp
//   lmtp:127.0.0.1:24
//   smtp:relay.example
//   smtp:relay-a.example:25,relay-b.example:25

#ifndef POSTERN_DELIVERY_FORWARD_NEXT_HOP_H_
#define POSTERN_DELIVERY_FORWARD_NEXT_HOP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::delivery {

// One server of a next hop. Exactly one of `path`, `ip` and `name` is set.
struct HopAddress {
  std::string path;             // of a Unix socket, absolute
  std::optional<IpAddress> ip;  // without a lookup
  std::string name;             // a host name
  uint16_t port = 0;            // not for a Unix socket

  // Returns "unix:/run/lmtp", "192.0.2.1:25", "[2001:db8::1]:25" or
  // "relay.example:25".
  std::string Format() const;

  friend bool operator==(const HopAddress&, const HopAddress&) = default;
};

struct NextHop {
  bool lmtp = false;  // LMTP (RFC 2033), otherwise SMTP
  // At least one. The first one that works is used.
  std::vector<HopAddress> hosts;

  static constexpr size_t kMaxHosts = 8;

  // Parses the text after "smtp:" or "lmtp:". The hosts are separated by
  // commas: unix:PATH, an IPv4 address, an IPv6 address in brackets or a host
  // name, and ":PORT". The port of SMTP may be left out: it is 25. LMTP has no
  // usual port, and must not use port 25 (RFC 2033 5). An error names the part
  // that is wrong.
  static absl::StatusOr<NextHop> Parse(bool lmtp, absl::string_view text);

  // Returns whether a host has a name, which needs a resolver.
  bool has_names() const;

  friend bool operator==(const NextHop&, const NextHop&) = default;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_NEXT_HOP_H_
