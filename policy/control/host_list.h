// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The domains that mail is accepted for: rcpthosts and morercpthosts.cdb.
//
//   rcpthosts line   matches
//   local.example    local.example
//   .sub.example     a.sub.example, a.b.sub.example; not sub.example
//
// Neither patterns nor a trailing dot mean anything, and ASCII letters match in
// either case. All other bytes match themselves alone: a domain in UTF-8 (RFC
// 6531) is listed if it stands there in these bytes, and not if its form in
// xn-- (RFC 5890) does, another normal form or a capital. To map one to the
// other is a decision of its own, with tables that change. The database holds
// the same lines in lower case, and is asked when no line matches.

#ifndef POSTERN_POLICY_CONTROL_HOST_LIST_H_
#define POSTERN_POLICY_CONTROL_HOST_LIST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "files/cdb.h"
#include "policy/control/control_file.h"
#include "policy/control/line_set.h"

namespace postern::policy {

// Thread-safety: const methods may be called from any thread at any time.
class HostList {
 public:
  // The entry that a domain matched.
  struct Match {
    enum class In : uint8_t { kLines, kDatabase } in = In::kLines;
    std::string source;  // "FILE:LINE" or "FILE key KEY"

    friend bool operator==(const Match&, const Match&) = default;
  };

  // Matches nothing.
  HostList() = default;
  // `more` is missing where there is no database.
  HostList(LineSet lines, std::optional<files::Cdb> more);

  // Returns the entry that `domain` matches: looks for all of it, then for
  // each end of it that begins with a dot, the longest first; among the lines
  // and then in the database. Returns nullopt where there is none, for the
  // empty domain too, and the database's error where it cannot tell.
  absl::StatusOr<std::optional<Match>> Find(absl::string_view domain) const;

  const std::optional<files::Cdb>& database() const { return more_; }

  // Returns whether Find() reads the database for `domain`.
  bool ReadsDatabase(absl::string_view domain) const;

 private:
  LineSet lines_;
  std::optional<files::Cdb> more_;
};

// Returns warnings where entries of the file `path` can match no domain that a
// recipient can have (an address, a pattern, a network, a route as smtproutes
// has them, a comment behind the entry), match all that end in a dot, or are
// not ASCII.
std::vector<std::string> CheckHostLines(absl::string_view path,
                                        const std::vector<Line>& lines);

// Returns the same about the keys of a database, of which those that are empty
// or hold a capital can never match, either. Looks at kMaxCheckedRecords of
// them at most. An error is as of files::Cdb::Find().
absl::StatusOr<std::vector<std::string>> CheckHostKeys(
    const files::Cdb& database);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_HOST_LIST_H_
