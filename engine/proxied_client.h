// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client of a server that forwards, as the next server gets to know it:
// XCLIENT and XFORWARD, extensions of Postfix (XCLIENT_README,
// XFORWARD_README).
//
//   XCLIENT ADDR=192.0.2.1 PORT=4711 PROTO=ESMTP LOGIN=[UNAVAILABLE] ...
//   XFORWARD ADDR=IPV6:2001:db8::1 PORT=4711 PROTO=ESMTP SOURCE=REMOTE ...
//
// XCLIENT replaces the client: the next server decides as if this client had
// connected to it. XFORWARD is information for its log.

#ifndef POSTERN_ENGINE_PROXIED_CLIENT_H_
#define POSTERN_ENGINE_PROXIED_CLIENT_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "engine/grammar/ehlo_keywords.h"
#include "engine/grammar/xclient.h"

namespace postern {

// The client of a proxy, as XCLIENT, XFORWARD or a PROXY header names it.
struct ProxiedClient {
  // An attribute without a value is unavailable: it is always sent as
  // [UNAVAILABLE] if the server offers it, so that it cannot keep the value of
  // the client before.
  XClient client;
  // The name of the session in logs: SESSION of XCLIENT, IDENT of XFORWARD.
  std::string session;
  // SOURCE of XFORWARD: LOCAL for a client that may relay.
  bool local = false;

  friend bool operator==(const ProxiedClient&, const ProxiedClient&) = default;
};

// Octets of a command line with its CRLF (RFC 5321 4.5.3.1.4). An attribute
// that would make the line longer is [UNAVAILABLE].
inline constexpr size_t kMaxClientLine = 512;

// Return the command with its CRLF. It has those attributes that the server
// offers. Values are xtext (RFC 3461 4), so none can end the line or add an
// attribute. A value that the server would refuse is [UNAVAILABLE]: one of more
// than kMaxXClientText octets, with control or 8-bit characters, and a HELO
// that is neither a domain nor an address literal. XFORWARD has no
// [TEMPUNAVAIL], so a look-up that failed is [UNAVAILABLE] there. Errors:
//   kFailedPrecondition  the server offers no such command, or no XCLIENT with
//                        ADDR: it would decide on this host's address
absl::StatusOr<std::string> XClientLine(const ProxiedClient& client,
                                        const EhloKeywords& keywords);
absl::StatusOr<std::string> XForwardLine(const ProxiedClient& client,
                                         const EhloKeywords& keywords);

// Returns the argument of the EHLO for the client: after XCLIENT, because a
// server may replace the HELO of XCLIENT by it, and after a PROXY header, which
// has none. It is the client's HELO if XCLIENT can send it, or else the
// client's address as a literal (RFC 5321 4.1.3). Empty if neither is known.
std::string HelloOf(const ProxiedClient& client);

}  // namespace postern

#endif  // POSTERN_ENGINE_PROXIED_CLIENT_H_
