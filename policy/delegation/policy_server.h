// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The option --policy-server: servers with the protocol of Postfix's
// SMTPD_POLICY_README, and how to ask them.

#ifndef POSTERN_POLICY_DELEGATION_POLICY_SERVER_H_
#define POSTERN_POLICY_DELEGATION_POLICY_SERVER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {

struct PolicyServer {
  // The address as it was given, for the log: "inet:127.0.0.1:10023" or
  // "unix:/run/postgrey".
  std::string name;
  std::optional<IpAddress> address;  // nullopt: a Unix socket
  uint16_t port = 0;
  std::string path;  // of the Unix socket

  // The stage at which the server is asked: each RCPT, or DATA, when the
  // envelope is complete.
  bool at_data = false;
  // Whether relay clients and authenticated users are asked about, too.
  bool all_clients = false;
  // Whether a recipient passes if the server does not answer. Otherwise it is
  // refused temporarily.
  bool ignore_outage = false;
  // For one question, including the connection. From 1 second to 2 minutes.
  absl::Duration timeout = absl::Seconds(30);
};

// Parses servers that are separated by blanks. Each is an address, and words
// after commas:
//
//   inet:127.0.0.1:10023  inet:[::1]:10023,all-clients  unix:/run/p,timeout=5
//
// The words are all-clients, ignore-outage, at=rcpt, at=data and
// timeout=SECONDS. The host is an
// IP address, because a program that serves one connection must not wait for
// DNS first. An error quotes the server and says what is wrong with it.
absl::StatusOr<std::vector<PolicyServer>> ParsePolicyServers(
    absl::string_view text);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DELEGATION_POLICY_SERVER_H_
