// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// XCLIENT, Postfix's extension: a proxy that is trusted says for whom it
// speaks. "XCLIENT NAME=spike.example ADDR=192.0.2.1"

#ifndef POSTERN_ENGINE_GRAMMAR_XCLIENT_H_
#define POSTERN_ENGINE_GRAMMAR_XCLIENT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/reply.h"

namespace postern {

// The longest NAME, HELO and LOGIN in octets, decoded: as long as a domain may
// be (RFC 5321 4.5.3.1.2).
inline constexpr size_t kMaxXClientText = 255;

// An attribute that was sent: a value, or why there is none.
template <typename T>
struct XClientValue {
  enum class Kind : uint8_t {
    kKnown,
    kUnavailable,  // [UNAVAILABLE]: there is none
    kTemporary,    // [TEMPUNAVAIL]: it could not be found out
  };
  Kind kind = Kind::kKnown;
  T value{};  // set if kKnown

  friend bool operator==(const XClientValue&, const XClientValue&) = default;
};

enum class XClientProtocol : uint8_t { kSmtp, kEsmtp };

// What XCLIENT says: nullopt leaves alone what is known.
struct XClient {
  // Text is printable ASCII, of no checked syntax, not empty.
  std::optional<XClientValue<std::string>> name;   // from the DNS
  std::optional<XClientValue<std::string>> helo;   // what HELO said
  std::optional<XClientValue<std::string>> login;  // who has authenticated
  std::optional<XClientValue<std::optional<IpAddress>>> address;
  std::optional<XClientValue<uint16_t>> port;  // above 0
  std::optional<XClientValue<XClientProtocol>> protocol;
  std::optional<XClientValue<std::optional<IpAddress>>> destination_address;
  std::optional<XClientValue<uint16_t>> destination_port;

  friend bool operator==(const XClient&, const XClient&) = default;
};

// Parses XCLIENT's argument: NAME, HELO, LOGIN, ADDR, PORT, PROTO, DESTADDR and
// DESTPORT, each at most once, in any order and case, values as xtext (RFC 3461
// 4), IPv6 addresses behind "IPV6:". Or gives the Reply to send: 501 5.5.4 for
// anything else, and for nothing.
std::variant<XClient, Reply> ParseXClient(absl::string_view argument);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_XCLIENT_H_
