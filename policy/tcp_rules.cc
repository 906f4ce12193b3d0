// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/tcp_rules.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "policy/tcp_rule_key.h"

namespace postern::policy {
namespace {

// Reads the instructions in `record`, each of which ends in a NUL, into
// `match`. Returns false where there is anything else.
bool ReadRecord(absl::string_view record, TcpRules::Match* match) {
  match->allow = true;
  if (absl::ConsumePrefix(&record, absl::string_view("D\0", 2))) {
    match->allow = false;
  }
  while (!record.empty()) {
    const size_t end = record.find('\0');
    if (end == absl::string_view::npos) return false;
    absl::string_view variable = record.substr(0, end);
    record.remove_prefix(end + 1);
    if (!absl::ConsumePrefix(&variable, "+")) return false;
    const size_t equals = variable.find('=');
    if (equals == absl::string_view::npos) return false;
    match->variables.emplace_back(variable.substr(0, equals),
                                  variable.substr(equals + 1));
  }
  return true;
}

}  // namespace

absl::StatusOr<TcpRules> TcpRules::Open(absl::string_view path) {
  absl::StatusOr<files::Cdb> cdb = files::Cdb::Open(path);
  if (!cdb.ok()) return cdb.status();
  return TcpRules(*std::move(cdb));
}

absl::StatusOr<TcpRules::Match> TcpRules::Find(const SessionInfo& peer) const {
  const absl::StatusOr<std::vector<std::string>> keys = TcpRuleKeys(peer);
  if (!keys.ok()) return keys.status();
  Match match;
  for (const std::string& key : *keys) {
    const absl::StatusOr<std::optional<std::string>> record = cdb_.Find(key);
    if (!record.ok()) return record.status();
    if (!record->has_value()) continue;
    if (!ReadRecord(**record, &match)) {
      return absl::DataLossError(absl::StrCat("cdb ", cdb_.path(), ": key '",
                                              absl::CHexEscape(key),
                                              "': no rule of tcprules"));
    }
    match.key = key;
    return match;
  }
  match.allow = true;
  return match;
}

}  // namespace postern::policy
