// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where the rules of tcpserver are written: the lines of the text from which a
// database was made. A server reads only the database. So a line is named only
// if the text, as it is now, makes exactly this database.

#ifndef POSTERN_POLICY_RULES_RULE_SOURCE_H_
#define POSTERN_POLICY_RULES_RULE_SOURCE_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::policy {

// The suffix of a database's name: tcp.smtp.cdb is made from tcp.smtp.
inline constexpr absl::string_view kDatabaseSuffix = ".cdb";

// Reads and parses the text `path`. Errors are those of files::ReadContent(),
// with kMaxTcpRulesSize, and of ParseTcpRules().
absl::StatusOr<TcpRulesText> ReadTcpRulesText(
    absl::string_view path, TcpNetworks networks = TcpNetworks::kLiteral);

// Returns whether `rules` make `database`: it has the same records in the same
// order. Errors are those of TcpRules::ForEach().
absl::StatusOr<bool> MakesDatabase(absl::Span<const TcpRule> rules,
                                   const TcpRules& database);

// Thread-safety: const methods may be called from any thread at any time.
class RuleSource {
 public:
  // Compares `database` with the text `path`, with and without networks
  // (TcpNetworks). If `path` is empty, the text is the name of the database
  // without kDatabaseSuffix, and it may be missing. Linear in the size of the
  // text.
  static RuleSource Read(const TcpRules& database, absl::string_view path = "");

  // Returns the place of the rule with the address `key` in the database:
  // "TEXT:LINE" if the text makes the database, and `DATABASE key "KEY"`
  // otherwise. In a text with two rules of one address the first one counts.
  // The key is not escaped.
  std::string Place(absl::string_view key) const;

  // Whether Place() returns lines of the text.
  bool has_lines() const { return !lines_.empty(); }
  // Why Place() returns no lines, as a sentence that names both files. Empty if
  // it does, or if there is no text.
  const std::string& warning() const { return warning_; }

 private:
  std::string database_;
  std::string text_;
  absl::flat_hash_map<std::string, int> lines_;  // by key
  std::string warning_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_RULE_SOURCE_H_
