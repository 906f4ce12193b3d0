// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The PROXY protocol (haproxy's proxy-protocol.txt): what a proxy writes in
// front of a connection that it passes on, to say whose it is.
//
//   version 1   PROXY TCP4 192.0.2.1 198.51.100.2 4711 25 CRLF
//               PROXY TCP6 2001:db8::1 2001:db8::2 4711 25 CRLF
//               PROXY UNKNOWN [anything] CRLF
//   version 2   signature, version and command, family, length: 16 octets;
//               addresses; type-length-value vectors
//
// Which version it is shows in the first octet. That there is a header at all
// must not be guessed from the bytes: whoever may write one may have any
// address. Read one from the proxies of a list, always, and from nobody else.

#ifndef POSTERN_TRANSPORTS_PROXY_HEADER_H_
#define POSTERN_TRANSPORTS_PROXY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::transports {

// The longest header that is read, of either version. The protocol has 65551
// octets for version 2; what fills them is certificates, for which there is no
// use here, and nobody is known yet to whom so much room should be lent.
inline constexpr size_t kMaxProxyHeader = 4096;

struct [[nodiscard]] ProxyHeader {
  enum class Kind : uint8_t {
    // What there is is the beginning of a header.
    kNeedInput,
    // The connection is that of `source` to `destination`.
    kAddresses,
    // The connection is the proxy's own (a health check), or the proxy does not
    // say whose it is: its own addresses stand. Rules that trust the proxy's
    // address trust everyone of whom it does not say more.
    kLocal,
    // This is no header; the connection is to be closed, without a word.
    kError,
  };

  struct Endpoint {
    std::optional<IpAddress> address;  // set in kAddresses
    uint16_t port = 0;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
  };

  Kind kind = Kind::kNeedInput;
  // Of kAddresses and kLocal, the octets of the header: the connection proper
  // begins behind them. Of kNeedInput, octets that any header with this
  // beginning has, more than there are: who reads that far and no further has
  // taken nothing of what stands behind the header.
  size_t size = 0;
  Endpoint source;
  Endpoint destination;
  // Of kError: why, for the log; constant, and empty otherwise. Nothing of the
  // peer's is in it.
  absl::string_view error;

  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

// Reads the header at the beginning of `in`, all that has come so far. Behind
// kNeedInput call again with more. Anything else is final and depends on no
// octet behind the one that settled it, so it is the same however the bytes
// were cut. Looks at no octet behind the header, at 107 of version 1 at most,
// and of an unfinished version 2 at the first 16.
//
// Strict, since two readers of one header must not differ:
//   version 1  one blank between words; a line of at most 107 octets, printable
//              ASCII, that ends with CRLF; ports 0 to 65535 without zeros in
//              front; IPv4 addresses of four decimal numbers without them.
//   version 2  LOCAL, whose addresses and vectors are skipped unread as the
//              protocol wants; or PROXY of TCP over IPv4 or IPv6, of a UNIX
//              stream (kLocal: its client has no address that a rule could be
//              about) or of the family UNSPEC (as LOCAL). Datagrams are
//              refused, no mail comes in them. Vectors must fill the header
//              exactly; a checksum (PP2_TYPE_CRC32C), if there is one, must be
//              right; the other vectors are skipped.
ProxyHeader ParseProxyHeader(absl::string_view in);

}  // namespace postern::transports

#endif  // POSTERN_TRANSPORTS_PROXY_HEADER_H_
