// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// XCLIENT, an extension of Postfix: a trusted proxy names the client for which
// it acts. "XCLIENT NAME=spike.example ADDR=192.0.2.1"

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

// The longest NAME, HELO and LOGIN in octets, decoded: the length of a domain
// (RFC 5321 4.5.3.1.2).
inline constexpr size_t kMaxXClientText = 255;

// An attribute that was sent: a value, or the reason why there is none.
template <typename T>
struct XClientValue {
  // Whether there is a value.
  enum class Kind : uint8_t {
    kKnown,        // there is a value
    kUnavailable,  // [UNAVAILABLE]: there is none
    kTemporary,    // [TEMPUNAVAIL]: the look-up failed
  };
  Kind kind = Kind::kKnown;  // whether there is a value
  T value{};                 // set if kKnown

  friend bool operator==(const XClientValue&, const XClientValue&) = default;
};

// PROTO: how the client greeted the proxy, with HELO or with EHLO.
enum class XClientProtocol : uint8_t { kSmtp, kEsmtp };

// The attributes of XCLIENT. nullopt: what is already known stays valid. Text
// is printable ASCII, not empty, its syntax not checked.
struct XClient {
  // NAME: the host name of the client in the DNS.
  std::optional<XClientValue<std::string>> name;
  // HELO: the argument of the client's HELO or EHLO.
  std::optional<XClientValue<std::string>> helo;
  // LOGIN: the user that the proxy has authenticated.
  std::optional<XClientValue<std::string>> login;
  // ADDR: the IP address of the client; not nullopt if kKnown.
  std::optional<XClientValue<std::optional<IpAddress>>> address;
  // PORT: the port of the client, not 0.
  std::optional<XClientValue<uint16_t>> port;
  // PROTO: how the client greeted the proxy.
  std::optional<XClientValue<XClientProtocol>> protocol;
  // DESTADDR: the IP address to which the client connected; as `address`.
  std::optional<XClientValue<std::optional<IpAddress>>> destination_address;
  // DESTPORT: the port to which the client connected, not 0.
  std::optional<XClientValue<uint16_t>> destination_port;

  friend bool operator==(const XClient&, const XClient&) = default;
};

// Parses XCLIENT's argument: NAME, HELO, LOGIN, ADDR, PORT, PROTO, DESTADDR and
// DESTPORT, each at most once, in any order and case, with values in xtext (RFC
// 3461 4) and "IPV6:" before IPv6 addresses. Returns the Reply 501 5.5.4 for
// anything else, and for an empty argument.
std::variant<XClient, Reply> ParseXClient(absl::string_view argument);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_XCLIENT_H_
