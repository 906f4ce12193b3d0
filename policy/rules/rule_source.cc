// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/rule_source.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "files/content.h"

namespace postern::policy {
namespace {

// A text's rules and a database's.
struct Comparison {
  bool same = false;  // MakesDatabase()
  // The lines of the rules that are in both, by key.
  absl::flat_hash_map<std::string, int> lines;
};

// Errors are those of TcpRules::ForEach().
absl::StatusOr<Comparison> Compare(absl::Span<const TcpRule> rules,
                                   const TcpRules& database) {
  absl::flat_hash_map<absl::string_view, const TcpRule*> by_key;
  for (const TcpRule& rule : rules) by_key.try_emplace(rule.key, &rule);
  Comparison comparison;
  absl::flat_hash_set<std::string> keys;  // of the database
  const absl::Status read =
      database.ForEach([&](absl::string_view key, absl::string_view record) {
        // Of two records with one key, a look-up finds the first.
        if (!keys.emplace(key).second) return true;
        const auto rule = by_key.find(key);
        if (rule != by_key.end() && rule->second->record == record) {
          comparison.lines.emplace(key, rule->second->line);
        }
        return true;
      });
  if (!read.ok()) return read;
  comparison.same = comparison.lines.size() == keys.size() &&
                    comparison.lines.size() == by_key.size();
  return comparison;
}

}  // namespace

absl::StatusOr<TcpRulesText> ReadTcpRulesText(absl::string_view path,
                                              TcpNetworks networks) {
  const absl::StatusOr<files::Content> text =
      files::ReadContent(path, kMaxTcpRulesSize);
  if (!text.ok()) return text.status();
  return ParseTcpRules(path, text->bytes, networks);
}

absl::StatusOr<bool> MakesDatabase(absl::Span<const TcpRule> rules,
                                   const TcpRules& database) {
  absl::StatusOr<Comparison> comparison = Compare(rules, database);
  if (!comparison.ok()) return comparison.status();
  return comparison->same;
}

RuleSource RuleSource::Read(const TcpRules& database, absl::string_view path) {
  RuleSource source;
  source.database_ = database.path();
  const bool may_be_missing = path.empty();
  if (path.empty()) {
    path = database.path();
    if (!absl::ConsumeSuffix(&path, kDatabaseSuffix)) return source;
  }
  const absl::StatusOr<files::Content> content =
      files::ReadContent(path, kMaxTcpRulesSize);
  if (content.ok()) return Compare(database, path, content->bytes);
  if (may_be_missing && absl::IsNotFound(content.status())) return source;
  source.state_ = State::kUnreadable;
  source.text_ = std::string(path);
  source.error_ = std::string(content.status().message());
  return source;
}

RuleSource RuleSource::Compare(const TcpRules& database, absl::string_view path,
                               absl::string_view content) {
  RuleSource source;
  source.database_ = database.path();
  source.text_ = std::string(path);
  // tcprules does not expand networks.
  for (const TcpNetworks networks :
       {TcpNetworks::kLiteral, TcpNetworks::kExpanded}) {
    absl::StatusOr<TcpRulesText> text = ParseTcpRules(path, content, networks);
    if (!text.ok()) {
      source.state_ = State::kInvalid;
      source.error_ = std::string(text.status().message());
      source.warnings_.clear();
      continue;
    }
    absl::StatusOr<Comparison> comparison =
        policy::Compare(text->rules, database);
    if (!comparison.ok()) {
      source.state_ = State::kUnreadable;
      source.error_ = std::string(comparison.status().message());
      return source;
    }
    source.warnings_ = std::move(text->warnings);
    source.lines_ = std::move(comparison->lines);
    source.state_ = comparison->same ? State::kSame : State::kDiffers;
    source.error_.clear();
    if (comparison->same) return source;
  }
  return source;
}

std::string RuleSource::Place(absl::string_view key) const {
  const auto line = lines_.find(key);
  if (line != lines_.end()) return absl::StrCat(text_, ":", line->second);
  return absl::StrCat(database_, " key \"", absl::CHexEscape(key), "\"");
}

std::string RuleSource::Warning() const {
  if (state_ == State::kNoText || state_ == State::kSame) return "";
  return absl::StrCat(
      database_, " was not made from ", text_,
      " as it is now. Servers use the database",
      error_.empty() ? "." : "; the text has an error: ", error_);
}

}  // namespace postern::policy
