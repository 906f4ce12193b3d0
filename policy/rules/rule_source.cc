// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/rule_source.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "files/content.h"

namespace postern::policy {

absl::StatusOr<TcpRulesText> ReadTcpRulesText(absl::string_view path,
                                              TcpNetworks networks) {
  const absl::StatusOr<files::Content> text =
      files::ReadContent(path, kMaxTcpRulesSize);
  if (!text.ok()) return text.status();
  return ParseTcpRules(path, text->bytes, networks);
}

absl::StatusOr<bool> MakesDatabase(absl::Span<const TcpRule> rules,
                                   const TcpRules& database) {
  bool same = true;
  const absl::Status read =
      database.ForEach([&](absl::string_view key, absl::string_view record) {
        same =
            !rules.empty() && rules[0].key == key && rules[0].record == record;
        if (same) rules.remove_prefix(1);
        return same;
      });
  if (!read.ok()) return read;
  return same && rules.empty();
}

RuleSource RuleSource::Read(const TcpRules& database, absl::string_view path) {
  RuleSource source;
  source.database_ = database.path();
  source.text_ = std::string(path);
  const bool may_be_missing = path.empty();
  if (path.empty()) {
    if (!absl::EndsWith(database.path(), kDatabaseSuffix)) return source;
    source.text_ =
        std::string(absl::StripSuffix(database.path(), kDatabaseSuffix));
  }
  std::string error;
  for (const TcpNetworks networks :
       {TcpNetworks::kLiteral, TcpNetworks::kExpanded}) {
    const absl::StatusOr<TcpRulesText> text =
        ReadTcpRulesText(source.text_, networks);
    if (absl::IsNotFound(text.status()) && may_be_missing) return source;
    const absl::StatusOr<bool> same = text.ok()
                                          ? MakesDatabase(text->rules, database)
                                          : absl::StatusOr<bool>(text.status());
    if (same.ok() && *same) {
      for (const TcpRule& rule : text->rules) {
        source.lines_.emplace(rule.key, rule.line);
      }
      return source;
    }
    if (!same.ok() && error.empty()) {
      error = absl::StrCat(": ", same.status().message());
    }
  }
  source.warning_ = absl::StrCat(
      source.database_, " was not made from ", source.text_,
      " as it is now. The answer is that of the database", error, ".");
  return source;
}

std::string RuleSource::Place(absl::string_view key) const {
  const auto line = lines_.find(key);
  if (line != lines_.end()) return absl::StrCat(text_, ":", line->second);
  return absl::StrCat(database_, " key \"", key, "\"");
}

}  // namespace postern::policy
