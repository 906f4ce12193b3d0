// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A next hop: the servers to which a delivery forwards messages, and words that
// say how it talks to them.
//
//   lmtp:unix:/run/dovecot/lmtp
//   lmtp:127.0.0.1:24
//   smtp:relay.example
//   smtp:relay-a.example:587,relay-b.example:587,auth=/etc/postern/relay
//   smtps:relay.example,ca=/etc/postern/relay-ca.pem

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

// How a connection to a server uses TLS. The names are those of Postfix.
enum class TlsLevel : uint8_t {
  kNone,     // "none": no TLS
  kMay,      // "may": TLS if the server offers it and it works
  kEncrypt,  // "encrypt": always TLS, with any certificate
  kVerify,   // "verify": always TLS, with the certificate of this server
};

// Returns the name of the level.
absl::string_view TlsLevelName(TlsLevel level);

// One server of a next hop. `path` is set, or `ip`, or `name`, or `ip` and
// `name`: then `ip` is an address of `name`.
struct HopAddress {
  std::string path;             // of a Unix socket, absolute
  std::optional<IpAddress> ip;  // without a lookup
  std::string name;             // a host name
  uint16_t port = 0;            // not for a Unix socket

  // Returns whether the server has to be looked up.
  bool needs_lookup() const { return path.empty() && !ip; }
  // Returns whether the octets stay within this machine: a Unix socket, a
  // loopback address or "localhost". A host name counts as what it says,
  // whatever its address is.
  bool is_local() const;
  // Returns whether the octets stay within this machine, by the address alone:
  // `path`, or a loopback address in `ip`.
  bool is_loopback() const;

  // Returns "unix:/run/lmtp", "192.0.2.1:25", "[2001:db8::1]:25",
  // "relay.example:25" or "relay.example:25 (192.0.2.1)".
  std::string Format() const;

  friend bool operator==(const HopAddress&, const HopAddress&) = default;
};

struct NextHop {
  enum class Kind : uint8_t { kSmtp, kSmtps, kLmtp };

  bool lmtp = false;          // LMTP (RFC 2033), otherwise SMTP
  bool implicit_tls = false;  // TLS before the greeting (RFC 8314 3.3)
  // At least one. The first one that works is used.
  std::vector<HopAddress> hosts;

  // What the words give. Each comment begins with the word.
  std::optional<TlsLevel> tls;  // tls=LEVEL
  std::string tls_name;         // name=NAME: the certificate has this name
  std::string ca_file;          // ca=FILE: PEM, in place of the system's CAs
  // fingerprint=HEX: SHA-256 of the certificate, in lower case without colons.
  // The certificate is verified by it alone, without a name, a CA or a date.
  std::vector<std::string> fingerprints;
  std::string auth_file;    // auth=FILE: the credentials
  bool xclient = false;     // xclient: name the client with XCLIENT
  bool xforward = false;    // xforward: name it with XFORWARD, for the log
  bool proxy = false;       // proxy: name it with a PROXY header
  bool dsn = false;         // dsn: the servers offer DSN
  bool binarymime = false;  // binarymime: they offer CHUNKING and BINARYMIME

  static constexpr size_t kMaxHosts = 8;

  // Parses the text after "smtp:", "smtps:" or "lmtp:". The hosts are separated
  // by commas: unix:PATH, an IPv4 address, an IPv6 address in brackets or a
  // host name, and ":PORT". The port may be left out for SMTP, 25, and for
  // SMTPS, 465. LMTP has no usual port, and must not use port 25 (RFC 2033 5).
  //
  // After the hosts come the words, also separated by commas. A value contains
  // no comma. A part without "=" is a word if a word has this name, and else a
  // host. An error names the part that is wrong, or the words that contradict
  // each other.
  static absl::StatusOr<NextHop> Parse(Kind kind, absl::string_view text);

  // Returns the text that Parse() reads, with the words in the order of their
  // table. Hosts must not have both an address and a name.
  std::string Format() const;

  // Returns whether a host has to be looked up, which needs a resolver.
  bool has_names() const;

  // Returns how a connection to `host` uses TLS. Without tls=, it is kVerify
  // for SMTPS, and if the words say how to verify; kVerify for another machine
  // with auth=; kNone for a local server; and otherwise kMay.
  TlsLevel LevelOf(const HopAddress& host) const;
  // Returns the name that the certificate of `host` must have, if it is
  // verified by a name: name=, or the host's name or address. Empty for a Unix
  // socket without name=.
  std::string NameOf(const HopAddress& host) const;

  friend bool operator==(const NextHop&, const NextHop&) = default;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_NEXT_HOP_H_
