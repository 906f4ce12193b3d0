// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The PROXY protocol (haproxy's proxy-protocol.txt): a header that a proxy
// writes at the beginning of a connection that it passes on. It names the
// client.
//
//   version 1   PROXY TCP4 192.0.2.1 198.51.100.2 4711 25 CRLF
//               PROXY TCP6 2001:db8::1 2001:db8::2 4711 25 CRLF
//               PROXY UNKNOWN [anything] CRLF
//   version 2   signature, version and command, family, length: 16 octets;
//               addresses; type-length-value vectors
//
// The first octet shows the version. A server must not guess from the bytes
// whether there is a header: a client that may send one can claim any address.
// Always read a header from the proxies of a list, and never from other
// clients.

#ifndef POSTERN_NET_PROXY_HEADER_H_
#define POSTERN_NET_PROXY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::net {

// The longest header that is read, of either version. In version 2 the protocol
// permits 65551 octets, which only certificates need. postern does not use
// them, and so early in a connection the client is not known.
inline constexpr size_t kMaxProxyHeader = 4096;

struct [[nodiscard]] ProxyHeader {
  enum class Kind : uint8_t {
    // `in` is the beginning of a header.
    kNeedInput,
    // The header names the addresses of the connection: from `source` to
    // `destination`.
    kAddresses,
    // The proxy opened the connection itself (a health check), or does not name
    // the client. The addresses of the proxy's connection then stay in effect,
    // so rules that allow the proxy's address apply to all such clients.
    kLocal,
    // Not a valid header. Close the connection without a reply.
    kError,
  };

  struct Endpoint {
    std::optional<IpAddress> address;  // set with kAddresses
    uint16_t port = 0;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
  };

  Kind kind = Kind::kNeedInput;
  // With kAddresses and kLocal: the number of octets of the header. The data of
  // the connection follow it. With kNeedInput: a number of octets that every
  // header with this beginning has, greater than the size of `in`. A caller
  // that reads no more than that reads nothing after the header.
  size_t size = 0;
  Endpoint source;
  Endpoint destination;
  // With kError: the reason, for the log. A constant text without data from the
  // client. Otherwise empty.
  absl::string_view error;

  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

// Parses the header at the beginning of `in`, which contains everything
// received so far. After kNeedInput call it again with more. Any other result
// is final. It does not depend on octets after the one that decided it, so it
// is the same for all ways in which the bytes arrive. Looks at no octet after
// the header, at no more than 107 octets of version 1, and only at the first 16
// of an incomplete version 2.
//
// Strict, because two programs must not read one header differently:
//   version 1  one space between words; a line of at most 107 octets, printable
//              ASCII, that ends in CRLF; ports 0 to 65535 without leading
//              zeros; IPv4 addresses of four decimal numbers without leading
//              zeros.
//   version 2  LOCAL, whose addresses and vectors are skipped unread, as the
//              protocol requires; or PROXY of TCP over IPv4 or IPv6, of a UNIX
//              stream (kLocal: no rule can name its client) or of the family
//              UNSPEC (like LOCAL). Datagrams are refused, because they carry
//              no mail. Vectors must fill the header exactly. A checksum
//              (PP2_TYPE_CRC32C) must be correct if there is one. Other vectors
//              are skipped.
ProxyHeader ParseProxyHeader(absl::string_view in);

// Returns the header of version 2 for a connection from `source` to
// `destination`, which must have addresses. ParseProxyHeader() reads it as
// kAddresses with these ends. A server that expects no header takes the
// signature for unknown commands and QUIT, and closes the connection.
std::string FormatProxyHeader(const ProxyHeader::Endpoint& source,
                              const ProxyHeader::Endpoint& destination);

}  // namespace postern::net

#endif  // POSTERN_NET_PROXY_HEADER_H_
