// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What tcpserver's rules say about a client, as typed values. This is the one
// place that knows the names of variables; policy/rule_variables.h has those
// that have no effect.

#ifndef POSTERN_POLICY_RULE_FACTS_H_
#define POSTERN_POLICY_RULE_FACTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  // All variables, for the queue program.
  std::vector<std::pair<std::string, std::string>> variables;

  // Puts what checks and deliveries need into `info`.
  void Apply(SessionInfo* info) const;
  // Returns `config` as it is for this client; null: unchanged.
  std::unique_ptr<const ServerConfig> Change(const ServerConfig& config) const;
};

// Reads what the rules say about the client at `address`, if it has one. An
// error names the
// variable whose value cannot be used.
absl::StatusOr<RuleFacts> ReadRuleFacts(
    const TcpRules::Match& match, const std::optional<IpAddress>& address);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULE_FACTS_H_
