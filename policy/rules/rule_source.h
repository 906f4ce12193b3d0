// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where the rules of tcpserver are written: the lines of the text from which a
// database was made. A server reads only the database, and the text may have
// changed since. So a line is named only if it makes the rule of the database.

#ifndef POSTERN_POLICY_RULES_RULE_SOURCE_H_
#define POSTERN_POLICY_RULES_RULE_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

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

// Returns whether a database made of `rules` answers as `database` does: both
// have the same keys, and the first record of each key is the same. Errors are
// those of TcpRules::ForEach().
absl::StatusOr<bool> MakesDatabase(absl::Span<const TcpRule> rules,
                                   const TcpRules& database);

// Thread-safety: const methods may be called from any thread at any time.
class RuleSource {
 public:
  enum class State : uint8_t {
    kNoText,      // none was named, and none is next to the database
    kUnreadable,  // the text or the database cannot be read
    kInvalid,     // a line of the text is not a rule
    kDiffers,     // the text makes another database
    kSame,        // MakesDatabase()
  };

  // There is no text and no database.
  RuleSource() = default;

  // Compares `database` with the text `path`, with and without networks
  // (TcpNetworks). If `path` is empty, the text is the name of the database
  // without kDatabaseSuffix, and it may be missing. Linear in the size of both.
  static RuleSource Read(const TcpRules& database, absl::string_view path = "");
  // The same for a text with this content.
  static RuleSource Compare(const TcpRules& database, absl::string_view path,
                            absl::string_view content);

  // Returns the place of the rule with the address `key` in the database:
  // "TEXT:LINE" if the text has the same rule, which is so for each key if the
  // state is kSame, and `DATABASE key "KEY"` otherwise. In a text with two
  // rules of one address the first one counts. The key is escaped as in C.
  std::string Place(absl::string_view key) const;
  // Whether Place() returns a line.
  bool HasLine(absl::string_view key) const { return lines_.contains(key); }

  State state() const { return state_; }
  // Empty if the state is kNoText.
  const std::string& text() const { return text_; }
  // For kUnreadable and kInvalid: what is wrong, with the file and the line.
  const std::string& error() const { return error_; }
  // TcpRulesText::warnings of the text. For kDiffers, with networks.
  const std::vector<std::string>& text_warnings() const { return warnings_; }
  // Sentences that name both files and say that servers use the database. Empty
  // if the state is kNoText or kSame.
  std::string Warning() const;

 private:
  State state_ = State::kNoText;
  std::string database_;
  std::string text_;
  std::string error_;
  std::vector<std::string> warnings_;
  absl::flat_hash_map<std::string, int> lines_;  // by key
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_RULE_SOURCE_H_
