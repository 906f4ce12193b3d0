// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rules.h"

#include <map>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "policy/control/control_file.h"
#include "policy/rules/not_read.h"
#include "policy/rules/tcp_rule_key.h"

namespace postern::policy {

absl::StatusOr<std::vector<std::string>> TcpRules::Check(
    bool host_names) const {
  KeyMistake damaged;
  KeyMistake no_client;
  KeyMistake names;
  KeyMistake ident;
  std::map<std::string, KeyMistake> idle;  // by variable
  size_t left = kMaxCheckedRecords;
  const absl::Status read =
      cdb_.ForEach([&](absl::string_view key, absl::string_view data) {
        const std::optional<Match> match = ParseRecord(data);
        if (!match) {
          damaged.Add(key);
        } else if (!IsTcpRuleKey(key)) {
          no_client.Add(key);
        } else if (absl::StrContains(key, '@')) {
          ident.Add(key);
        } else if (absl::StartsWith(key, "=") && !host_names) {
          names.Add(key);
        }
        if (!match) return --left > 0;
        for (const auto& [name, value] : match->variables) {
          if (WhyIdle(name)) idle[name].Add(key);
        }
        return --left > 0;
      });
  if (!read.ok()) return read;
  const std::string& path = cdb_.path();
  std::vector<std::string> warnings;
  damaged.Report(path, "rule", "the record was not made by tcprules",
                 &warnings);
  no_client.Report(path, "rule", "no client can have this address", &warnings);
  ident.Report(
      path, "rule",
      "it never matches: the server does not ask ident for a user name",
      &warnings);
  names.Report(path, "rule", "it never matches without --host-names",
               &warnings);
  for (const auto& [name, mistake] : idle) {
    mistake.Report(path, "rule",
                   absl::StrCat("the variable ", absl::CHexEscape(name),
                                " has no effect: it is ", *WhyIdle(name)),
                   &warnings);
  }
  return warnings;
}

absl::StatusOr<TcpRules> TcpRules::Open(absl::string_view path) {
  absl::StatusOr<files::Cdb> cdb = files::Cdb::Open(path);
  if (!cdb.ok()) return cdb.status();
  return TcpRules(*std::move(cdb));
}

// Each instruction in a record ends in a NUL.
std::optional<TcpRules::Match> TcpRules::ParseRecord(absl::string_view record) {
  Match match;
  match.allow = !absl::ConsumePrefix(&record, absl::string_view("D\0", 2));
  while (!record.empty()) {
    const size_t end = record.find('\0');
    if (end == absl::string_view::npos) return std::nullopt;
    absl::string_view variable = record.substr(0, end);
    record.remove_prefix(end + 1);
    if (!absl::ConsumePrefix(&variable, "+")) return std::nullopt;
    const size_t equals = variable.find('=');
    if (equals == absl::string_view::npos) return std::nullopt;
    match.variables.emplace_back(variable.substr(0, equals),
                                 variable.substr(equals + 1));
  }
  return match;
}

absl::StatusOr<TcpRules::Match> TcpRules::Find(const SessionInfo& peer) const {
  for (const std::string& key : TcpRuleKeys(peer)) {
    const absl::StatusOr<std::optional<std::string>> record = cdb_.Find(key);
    if (!record.ok()) return record.status();
    if (!record->has_value()) continue;
    std::optional<Match> match = ParseRecord(**record);
    if (!match) {
      return absl::DataLossError(
          absl::StrCat("cdb ", cdb_.path(), ": key '", absl::CHexEscape(key),
                       "': the record was not made by tcprules"));
    }
    match->key = key;
    return *std::move(match);
  }
  Match match;
  match.allow = true;
  return match;
}

const TcpRule* FindTcpRule(absl::Span<const TcpRule> rules,
                           const SessionInfo& peer) {
  for (const std::string& key : TcpRuleKeys(peer)) {
    for (const TcpRule& rule : rules) {
      if (rule.key == key) return &rule;
    }
  }
  return nullptr;
}

}  // namespace postern::policy
