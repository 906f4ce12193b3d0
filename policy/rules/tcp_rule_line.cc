// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rule_line.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::policy {
namespace {

// Returns a character that can enclose `value`. If there is none, the line does
// not parse. A blank is the last choice, because it cannot end a line.
char QuoteOf(absl::string_view value) {
  constexpr absl::string_view kCommon = "\"'/|%";
  for (char quote : kCommon) {
    if (!absl::StrContains(value, quote)) return quote;
  }
  constexpr int kOctets = 256;
  for (int i = '!'; i < '!' + kOctets; ++i) {
    const char quote = static_cast<char>(i % kOctets);
    if (absl::StrContains(absl::string_view("\0\n\t ", 4), quote)) continue;
    if (!absl::StrContains(value, quote)) return quote;
  }
  return absl::StrContains(value, ' ') ? '\t' : ' ';
}

}  // namespace

std::optional<std::string> TcpRuleLine(absl::string_view key,
                                       absl::string_view record) {
  const std::optional<TcpRules::Match> match = TcpRules::ParseRecord(record);
  if (!match) return std::nullopt;
  std::string line = absl::StrCat(key, match->allow ? ":allow" : ":deny");
  for (const auto& [name, value] : match->variables) {
    absl::StrAppend(&line, ",", name, "=");
    const char quote = QuoteOf(value);
    line += quote;
    absl::StrAppend(&line, value);
    line += quote;
  }
  const auto parsed = ParseTcpRules("", line);
  if (!parsed.ok() || parsed->rules.size() != 1 ||
      parsed->rules[0].key != key || parsed->rules[0].record != record) {
    return std::nullopt;
  }
  return line;
}

}  // namespace postern::policy
