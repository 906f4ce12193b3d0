// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// tcpserver's rules, compiled by tcprules: whether a client may connect, and
// the variables of the client (RELAYCLIENT permits it to relay).
// tcp_rules_text.h describes the text, tcp_rule_key.h the lookup.
//
// The first rule that matches is the whole answer; it is not merged with less
// specific rules. A client that no rule matches is allowed; end the rules with
// ":deny" to change that. If the rules cannot be read, no client is allowed.

#ifndef POSTERN_POLICY_RULES_TCP_RULES_H_
#define POSTERN_POLICY_RULES_TCP_RULES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/session_info.h"
#include "files/cdb.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::policy {

// Thread-safety: const methods may be called from any thread at any time.
class TcpRules {
 public:
  // The rule that matches a client.
  struct Match {
    bool allow = false;
    // The names and values from the rule. If a name occurs twice, the last one
    // counts. An empty value is not the same as a missing variable. Names
    // contain no '='; names and values contain no NUL.
    std::vector<std::pair<std::string, std::string>> variables;
    // The address of the rule; empty for the rule for any client. nullopt if no
    // rule matches the client, which is then allowed.
    std::optional<std::string> key;

    friend bool operator==(const Match&, const Match&) = default;
  };

  // Opens the database `path`. Errors are those of files::Cdb::Open(),
  // including kNotFound. When tcprules makes new rules, this object still uses
  // the old ones; tcpserver opens the rules for each connection.
  static absl::StatusOr<TcpRules> Open(absl::string_view path);

  // Returns the rule for `peer`: by its `remote_address`, its `remote_name` if
  // that is confirmed, and its `remote_info` (see TcpRuleKeys()).
  //
  // Returns an error of files::Cdb::Find() if the database cannot be read, and
  // kDataLoss with the path and the key if the record was not made by tcprules.
  // (tcpserver would allow a client with a damaged record.)
  absl::StatusOr<Match> Find(const SessionInfo& peer) const;

  // Calls `each` with each rule in the order of the database, until `each`
  // returns false. Errors are those of files::Cdb::ForEach().
  absl::Status ForEach(
      absl::FunctionRef<bool(absl::string_view key, absl::string_view record)>
          each) const {
    return cdb_.ForEach(each);
  }

  // Parses a record of the database; the result has no key. Returns nullopt if
  // tcprules cannot have made it.
  static std::optional<Match> ParseRecord(absl::string_view record);

  const std::string& path() const { return cdb_.path(); }

  // Returns warnings about rules that cannot match a client (an invalid
  // address; a host name without `host_names`; an ident name, because the
  // server does not ask ident), about records that were not made by tcprules,
  // and about variables that have no effect in a server without other programs
  // before the session (policy/rules/not_read.h). Each kind of mistake
  // and each variable is reported once, with the first rule that has it.
  //
  // Reads at most kMaxCheckedRecords records. Errors are those of
  // files::Cdb::ForEach().
  absl::StatusOr<std::vector<std::string>> Check(bool host_names) const;

 private:
  explicit TcpRules(files::Cdb cdb) : cdb_(std::move(cdb)) {}

  files::Cdb cdb_;
};

// Returns the first of `rules` that matches `peer`: the one that
// TcpRules::Find() finds in the database of these rules. Returns nullptr if no
// rule matches. Linear in the number of rules.
const TcpRule* FindTcpRule(absl::Span<const TcpRule> rules,
                           const SessionInfo& peer);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULES_H_
