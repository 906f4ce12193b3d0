// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What is known of the two ends of a connection: the facts that a Policy
// decides on and a Received field shows. Plain data, filled by the transport.

#ifndef POSTERN_ENGINE_SESSION_INFO_H_
#define POSTERN_ENGINE_SESSION_INFO_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/event.h"
#include "engine/grammar/ip_address.h"

namespace postern {

// How the client's host name was come by, and how far it may be trusted.
enum class NameStatus : uint8_t {
  kNone,       // no name, or nobody looked
  kUnchecked,  // a name from a PTR record alone: anyone can have any
  kConfirmed,  // the name's own addresses contain the client's
  kTemporary,  // the look-up failed in a way that may pass
  kForged,     // the name's own addresses do not contain the client's
};

struct SessionInfo {
  // Names the session in logs and in the ids of its messages: letters and
  // digits, never used again. Empty: the embedder gives none.
  std::string session_id;
  // nullopt: not known, or the client came by a socket that has no addresses.
  std::optional<IpAddress> remote_address;
  uint16_t remote_port = 0;
  std::optional<IpAddress> local_address;
  uint16_t local_port = 0;
  // The name that the client reached us by, for the Received field.
  std::string local_name;

  // The client's host name. Grants need NameStatus::kConfirmed.
  std::string remote_name;
  NameStatus name_status = NameStatus::kNone;
  // What the client's ident server said (RFC 1413): the client's own word.
  std::optional<std::string> remote_info;

  // The permission to relay that tcpserver's rules give. Present or absent is
  // the permission; the value, often empty, is appended to each recipient.
  std::optional<std::string> relay_client;

  // Whether tcpserver's rules deny the client. It is for the policy to refuse.
  bool denied = false;

  // Variables that rules have set, for the queue program.
  std::vector<std::pair<std::string, std::string>> environment;

  // What TLS has come to; null: the connection is in the clear.
  SharedTlsInfo tls;

  // What the client has said of itself since, and done out of turn.
  std::string hello_name;  // as sent with HELO, EHLO or LHLO; empty: none yet
  Hello::Verb hello_verb = Hello::Verb::kHelo;
  std::string identity;   // authenticated user; empty: none
  std::string mechanism;  // SASL's, that proved it; empty: a proxy's word
  Violations violations;
};

// A snapshot: never changed once shared, so that a decision may outlive the
// connection, and cross threads. A new fact is a new snapshot.
using SharedSessionInfo = std::shared_ptr<const SessionInfo>;

}  // namespace postern

#endif  // POSTERN_ENGINE_SESSION_INFO_H_
