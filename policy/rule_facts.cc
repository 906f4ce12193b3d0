// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rule_facts.h"

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "policy/check_list.h"
#include "policy/control/control_file.h"
#include "policy/relay_checks.h"
#include "policy/rules/lenient_clients.h"

namespace postern::policy {
namespace {

struct Client {
  const std::optional<IpAddress>& address;
};

absl::Status ReadRelayClient(absl::string_view value, const Client&,
                             RuleFacts* facts) {
  facts->relay_client = std::string(value);
  return ValidateRelayClient(value);
}

absl::Status ReadDatabytes(absl::string_view value, const Client&,
                           RuleFacts* facts) {
  facts->databytes = TakeNumber(&value).value_or(0);
  return absl::OkStatus();
}

absl::Status ReadBareNewlines(absl::string_view value, const Client&,
                              RuleFacts* facts) {
  if (value == "normalize") {
    facts->bare_newlines = BareNewlines::kNormalize;
  } else if (value == "reject") {
    facts->bare_newlines = BareNewlines::kReject;
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "POSTERN_BARE_NEWLINES: reject or normalize, not \"", value, "\""));
  }
  return absl::OkStatus();
}

// As in the patches, a value without a number means no limit.
absl::Status ReadInvalidRecipients(absl::string_view value, const Client&,
                                   RuleFacts* facts) {
  const uint64_t limit = TakeNumber(&value).value_or(0);
  facts->max_invalid_recipients = static_cast<int>(
      std::min<uint64_t>(limit, std::numeric_limits<int>::max()));
  return absl::OkStatus();
}

absl::Status ReadLenient(absl::string_view value, const Client& client,
                         RuleFacts* facts) {
  const auto lenient = LenientClients::ParseVariable(value);
  if (!lenient.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("POSTERN_LENIENT: ", lenient.status().message()));
  }
  facts->strictness = lenient->Of(client.address);
  return absl::OkStatus();
}

constexpr struct {
  absl::string_view name;
  absl::Status (*read)(absl::string_view value, const Client& client,
                       RuleFacts* facts);
} kVariables[] = {
    {"RELAYCLIENT", ReadRelayClient},
    {"DATABYTES", ReadDatabytes},
    {"POSTERN_BARE_NEWLINES", ReadBareNewlines},
    {"POSTERN_LENIENT", ReadLenient},
    {"VALIDRCPTTO_LIMIT", ReadInvalidRecipients},
    {"BRTLIMIT", ReadInvalidRecipients},
};

}  // namespace

absl::StatusOr<RuleFacts> ReadRuleFacts(
    const TcpRules::Match& match, const std::optional<IpAddress>& address) {
  RuleFacts facts;
  facts.denied = !match.allow;
  if (facts.denied) return facts;
  for (const auto& [name, value] : match.variables) {
    for (const auto& variable : kVariables) {
      if (variable.name != name) continue;
      const absl::Status status = variable.read(value, {address}, &facts);
      if (!status.ok()) return status;
    }
    facts.variables.emplace_back(name, value);
  }
  return facts;
}

RuleFacts ReadProcessFacts(
    absl::FunctionRef<const char*(const char* name)> environment) {
  RuleFacts facts;
  const std::optional<IpAddress> no_address;
  for (const auto& variable : kVariables) {
    if (variable.read != ReadInvalidRecipients) continue;
    const char* const value = environment(std::string(variable.name).c_str());
    if (value == nullptr) continue;
    (void)variable.read(value, {no_address}, &facts);  // accepts every value
  }
  for (const CheckEntry& check : CheckList()) {
    for (const absl::string_view name :
         absl::StrSplit(check.row.variables, ' ', absl::SkipEmpty())) {
      const char* const value = environment(std::string(name).c_str());
      if (value != nullptr) facts.variables.emplace_back(name, value);
    }
  }
  return facts;
}

void RuleFacts::Apply(SessionInfo* info) const {
  info->denied = denied;
  info->relay_client = relay_client;
  info->environment = variables;
}

std::unique_ptr<ServerConfig> RuleFacts::Change(
    const ServerConfig& config) const {
  const Strictness wanted = strictness.value_or(config.strictness);
  const bool limit_changes =
      max_invalid_recipients ||
      (relay_client && config.max_invalid_recipients != 0);
  if (!databytes && !bare_newlines && !limit_changes &&
      wanted == config.strictness) {
    return nullptr;
  }
  auto changed = std::make_unique<ServerConfig>(config);
  Change(config, changed.get());
  return changed;
}

void RuleFacts::Change(const ServerConfig& config,
                       ServerConfig* changed) const {
  changed->max_message_size = databytes.value_or(config.max_message_size);
  changed->bare_newlines = bare_newlines.value_or(config.bare_newlines);
  changed->strictness = strictness.value_or(config.strictness);
  // A client that may relay sends to lists with dead addresses.
  changed->max_invalid_recipients = max_invalid_recipients.value_or(
      relay_client ? 0 : config.max_invalid_recipients);
}

}  // namespace postern::policy
