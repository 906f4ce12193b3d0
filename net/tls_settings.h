// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The TLS settings of a listener. These are plain values, so that a program
// that does not link OpenSSL can read them from its options.

#ifndef POSTERN_NET_TLS_SETTINGS_H_
#define POSTERN_NET_TLS_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::net {

// A version of TLS: 1.0, 1.1, 1.2 or 1.3.
enum class TlsVersion : uint8_t { kTls10, kTls11, kTls12, kTls13 };

// Reads "1.0", "1.1", "1.2" or "1.3". Returns nullopt for any other text.
std::optional<TlsVersion> ParseTlsVersion(absl::string_view text);

// What a listener accepts from clients.
struct TlsSettings {
  // The oldest version that the server accepts. TLS 1.0 and 1.1 are for devices
  // that support nothing newer, at a listener of their own. RFC 8996 forbids
  // them. They need signatures with SHA-1, which OpenSSL permits only at
  // security level 0. A listener that accepts one of them has that level,
  // unless `ciphers` sets another (@SECLEVEL=1).
  TlsVersion min_version = TlsVersion::kTls12;

  // The ciphers of TLS 1.2 and older, in the form of OpenSSL's ciphers(1), in
  // the server's order of preference. Empty: ECDHE with AES-GCM, ChaCha20 or
  // AES-CBC, with AES-128-GCM first. Ciphers without authentication or without
  // encryption are never used, even if the list contains them. The list for TLS
  // 1.3 is fixed.
  std::string ciphers;

  // The server sends one session ticket for each full handshake. Mail clients
  // resume sessions with tickets. Mail servers rarely do, so tickets for them
  // waste CPU time, and one large sender has aborted handshakes with servers
  // that send tickets.
  bool tickets = false;

  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TLS_SETTINGS_H_
