// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// tcpserver's rules, compiled by tcprules: whether a client may connect, and
// the variables that go with it (RELAYCLIENT is the permission to relay).
// Written as in tcp_rules_text.h, looked up as in tcp_rule_key.h.
//
// A rule that is found is all of the answer: nothing is merged with the rules
// that are less about the client. The rules allow whom they do not know; end
// them with ":deny" to have it otherwise. What cannot be read allows nobody.

#ifndef POSTERN_POLICY_RULES_TCP_RULES_H_
#define POSTERN_POLICY_RULES_TCP_RULES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/session_info.h"
#include "files/cdb.h"

namespace postern::policy {

// Thread-safety: const methods may be called from any thread at any time.
class TcpRules {
 public:
  // The rule that a client has.
  struct Match {
    bool allow = false;
    // Name and value, as the rule has them. Where a name comes twice, the last
    // counts. A value may be empty, which is not the same as no variable. Names
    // have no '='; neither has a NUL.
    std::vector<std::pair<std::string, std::string>> variables;
    // The rule's address, empty for the rule about everyone; nullopt where no
    // rule is about the client, who is allowed, then.
    std::optional<std::string> key;

    friend bool operator==(const Match&, const Match&) = default;
  };

  // Opens the database `path`; errors are those of files::Cdb::Open(),
  // kNotFound among them. The rules stay those that were opened when tcprules
  // makes new ones: tcpserver opens them for each connection.
  static absl::StatusOr<TcpRules> Open(absl::string_view path);

  // Returns the rule for `peer`: its `remote_address`, its `remote_name` if
  // that is confirmed, and its `remote_info` count (see TcpRuleKeys()).
  //
  // Returns an error as of files::Cdb::Find() if the database cannot be read,
  // and kDataLoss, with the path and the key, if tcprules cannot have made the
  // record.
  // tcpserver would allow a client whose record was damaged.
  absl::StatusOr<Match> Find(const SessionInfo& peer) const;

  // Returns warnings about rules that no client can have (an address that is
  // none; a name where clients have none, unless `host_names`; an ident reply,
  // since no ident server is asked), about records that no tcprules has made,
  // and about variables that have no effect in a server that has no other
  // program before the session (policy/rules/rule_variables.h). Each kind of
  // mistake and each variable is named once, with the first rule that has it.
  //
  // Reads all of the database, but no more than kMaxCheckedRecords of it. An
  // error is as of files::Cdb::Find().
  absl::StatusOr<std::vector<std::string>> Check(bool host_names) const;

 private:
  explicit TcpRules(files::Cdb cdb) : cdb_(std::move(cdb)) {}

  files::Cdb cdb_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_RULES_TCP_RULES_H_
