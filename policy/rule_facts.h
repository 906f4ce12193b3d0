// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What tcpserver's rules grant or deny to a client, as typed values. The names
// of the variables that change a session are only in rule_facts.cc. The
// delivery reads QMAILQUEUE. policy/rules/not_read.h has the names of
// variables that have no effect.

#ifndef POSTERN_POLICY_RULE_FACTS_H_
#define POSTERN_POLICY_RULE_FACTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "engine/content/body_scanner.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/strictness.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "policy/rules/tcp_rules.h"

namespace postern::policy {

struct RuleFacts {
  bool denied = false;                        // :deny
  std::optional<std::string> relay_client;    // RELAYCLIENT
  std::optional<uint64_t> databytes;          // DATABYTES
  std::optional<BareNewlines> bare_newlines;  // POSTERN_BARE_NEWLINES
  std::optional<Strictness> strictness;       // POSTERN_LENIENT
  // VALIDRCPTTO_LIMIT (jms1's patch), BRTLIMIT (sagredo's patch). 0: no limit.
  std::optional<int> max_invalid_recipients;
  // All variables, for the queue program.
  std::vector<std::pair<std::string, std::string>> variables;

  // Copies what checks and deliveries need into `info`.
  void Apply(SessionInfo* info) const;
  // Returns `config` with this client's changes, or null if nothing changes.
  std::unique_ptr<ServerConfig> Change(const ServerConfig& config) const;
  // Sets in `changed` what can differ between clients: to what the rules say,
  // or to the value in `config` if they say nothing.
  void Change(const ServerConfig& config, ServerConfig* changed) const;
};

// Reads the rule `match` for the client at `address`. An error names the
// variable whose value is invalid.
absl::StatusOr<RuleFacts> ReadRuleFacts(
    const TcpRules::Match& match, const std::optional<IpAddress>& address);

// Reads what tcpserver's rules say from the environment of a program that
// tcpserver has started: max_invalid_recipients, and in `variables` those that
// checks read (CheckRow::variables). The other variables have options of that
// program, or are read elsewhere. `environment` is getenv, or returns null for
// a variable that is not set.
RuleFacts ReadProcessFacts(
    absl::FunctionRef<const char*(const char* name)> environment);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULE_FACTS_H_
