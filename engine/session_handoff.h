// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The state of a session at STARTTLS, for a session that continues it.

#ifndef POSTERN_ENGINE_SESSION_HANDOFF_H_
#define POSTERN_ENGINE_SESSION_HANDOFF_H_

#include <string>

namespace postern {

// What a client has sent out of turn, RFC 5321 3.1 and RFC 2920 3.1.
struct Violations {
  bool early_talk = false;  // before the greeting
  bool pipelining = false;  // after a command that must end a group

  friend bool operator==(const Violations&, const Violations&) = default;
};

// SessionHandoff is what a ServerSession knows of its client between two
// commands and outside a transaction, where STARTTLS is served. A program that
// stays small by having no TLS code passes it to a program that has TLS.
//
// The first part was sent without TLS, and is forgotten when TLS starts (RFC
// 3207 4.2). It is used if STARTTLS fails and the session continues without
// TLS. The second part is what the client has used up of its limits. It is kept
// after STARTTLS, so that a client does not get a new set of attempts.
//
// It does not contain octets that were read and not consumed: they arrived
// without TLS after STARTTLS. A program that has such octets must not hand off
// the session.
struct SessionHandoff {
  bool greeted = false;   // HELO, EHLO or LHLO accepted
  bool extended = false;  // and the command was not HELO
  std::string identity;   // from AUTH without TLS; empty: not known

  int errors = 0;              // 5yz replies since the last accepted message
  int auth_failures = 0;       // AUTH exchanges without a 235
  int messages = 0;            // MAIL commands
  int invalid_recipients = 0;  // RCPTs that were refused permanently
  int reported = 0;       // refusals, limited by ServerConfig::max_reported
  Violations violations;  // what it has sent out of turn

  friend bool operator==(const SessionHandoff&,
                         const SessionHandoff&) = default;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SESSION_HANDOFF_H_
