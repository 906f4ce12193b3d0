// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where a session stands at STARTTLS, for another that goes on in its place.

#ifndef POSTERN_ENGINE_SESSION_HANDOFF_H_
#define POSTERN_ENGINE_SESSION_HANDOFF_H_

#include <string>

#include "engine/event.h"

namespace postern {

// SessionHandoff is all that a ServerSession knows of its client between two
// commands and outside a transaction, where STARTTLS is served. A program that
// is small as long as a client speaks in the clear hands it to one that has
// TLS.
//
// The first half is said in the clear, and forgotten once TLS is there (RFC
// 3207 4.2); it is for a STARTTLS that fails, behind which the session goes on.
// The second half is what the client has used up, and outlives STARTTLS: nobody
// gets another hundred guesses by it.
//
// Octets that have been read and not consumed are no part of it: they came in
// the clear behind STARTTLS, and whoever has some must not pass the session on.
struct SessionHandoff {
  bool greeted = false;   // HELO, EHLO or LHLO accepted
  bool extended = false;  // and it was not HELO
  std::string identity;   // by AUTH in the clear; empty: not known

  int errors = 0;         // 5yz since the last accepted message
  int auth_failures = 0;  // exchanges of AUTH without a 235
  int messages = 0;       // MAIL commands
  int reported = 0;       // refusals, of ServerConfig::max_reported
  Violations violations;

  friend bool operator==(const SessionHandoff&,
                         const SessionHandoff&) = default;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SESSION_HANDOFF_H_
