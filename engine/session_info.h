// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The session facts: what is known of both ends of a connection. A Policy
// decides on them and the Received field shows them. Plain data, filled in by
// the driver.

#ifndef POSTERN_ENGINE_SESSION_INFO_H_
#define POSTERN_ENGINE_SESSION_INFO_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/ask.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_handoff.h"
#include "engine/tls_info.h"

namespace postern {

// The status of the client's host name, and how far it can be trusted.
enum class NameStatus : uint8_t {
  kNone,       // no name, or no look-up
  kUnchecked,  // a name from a PTR record alone, which anyone can set
  kConfirmed,  // the addresses of the name include the client's
  kTemporary,  // the look-up failed temporarily
  kForged,     // the addresses of the name do not include the client's
};

// What is known of a client and its session. A value.
struct SessionInfo {
  // Names the session in logs and in the ids of its messages: letters and
  // digits, never reused. Empty: the embedder does not name sessions.
  std::string session_id;
  // The client's address: `remote_address` and `remote_port`. nullopt and 0:
  // not known, or the socket has no addresses.
  std::optional<IpAddress> remote_address;
  uint16_t remote_port = 0;
  // The address to which the client connected: `local_address` and
  // `local_port`. nullopt and 0: the same.
  std::optional<IpAddress> local_address;
  uint16_t local_port = 0;
  // The name of this server for the client, for the Received field.
  std::string local_name;

  // The client's host name. To grant anything to it, require that `name_status`
  // is kConfirmed.
  std::string remote_name;
  NameStatus name_status = NameStatus::kNone;
  // What the client's ident server replied (RFC 1413). The client controls it.
  std::optional<std::string> remote_info;

  // The permission to relay, from tcpserver's rules. If present, the client may
  // relay; the value, often empty, is appended to each recipient.
  std::optional<std::string> relay_client;

  // Whether tcpserver's rules deny the client. The policy must refuse it.
  bool denied = false;

  // Variables that rules have set, for the queue program.
  std::vector<std::pair<std::string, std::string>> environment;

  // The negotiated TLS parameters. Null: no TLS.
  SharedTlsInfo tls;

  // What the client has sent since then.
  std::string hello_name;  // argument of HELO, EHLO or LHLO; empty: none yet
  Hello::Verb hello_verb = Hello::Verb::kHelo;  // kHelo: perhaps none yet
  std::string identity;   // the authenticated user; empty: none
  std::string mechanism;  // SASL mechanism; empty: a proxy named the user
  Violations violations;  // what it sent out of turn so far
};

// A snapshot, which never changes once shared. A decision may use it on any
// thread, and after the connection has closed. A new fact makes a new snapshot.
using SharedSessionInfo = std::shared_ptr<const SessionInfo>;

}  // namespace postern

#endif  // POSTERN_ENGINE_SESSION_INFO_H_
