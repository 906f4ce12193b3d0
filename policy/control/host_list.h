// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The domains for which mail is accepted: rcpthosts and morercpthosts.cdb.
//
//   rcpthosts line   matches
//   local.example    local.example
//   .sub.example     a.sub.example, a.b.sub.example; not sub.example
//
// There are no patterns, and a trailing dot has no special meaning. The
// comparison ignores the case of ASCII letters. A domain in UTF-8 (RFC 6531)
// and its xn-- form (RFC 5890) are one name and match each other
// (engine/grammar/domain.h). Another normal form, or an upper-case letter
// beyond ASCII, makes another name, which does not match. The database contains
// the same kind of entries in ASCII and in lower case, and is read only if no
// line matches.

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
  // The entry that matches a domain.
  struct Match {
    enum class In : uint8_t { kLines, kDatabase } in = In::kLines;
    std::string source;  // "FILE:LINE" or "FILE key KEY"

    friend bool operator==(const Match&, const Match&) = default;
  };

  // An empty list.
  HostList() = default;
  // `more` is nullopt if there is no database.
  HostList(LineSet lines, std::optional<files::Cdb> more);

  // Returns the entry that matches `domain`. Looks for the whole domain and
  // then for each suffix that begins with a dot, the longest first: in the
  // lines, and then in the database. Returns nullopt if there is no match, or
  // if `domain` is empty. Returns the database's error if the database cannot
  // be read.
  absl::StatusOr<std::optional<Match>> Find(absl::string_view domain) const;

  const LineSet& lines() const { return lines_; }
  const std::optional<files::Cdb>& database() const { return more_; }

  // Returns whether Find() reads the database for `domain`.
  bool ReadsDatabase(absl::string_view domain) const;

 private:
  LineSet lines_;
  std::optional<files::Cdb> more_;
};

// Returns warnings about entries of the file `path` that cannot match the
// domain of a recipient (an address, a pattern, a network, a route as in
// smtproutes, a comment after the entry), that match every domain with a dot at
// its end, or that are neither ASCII nor UTF-8.
std::vector<std::string> CheckHostLines(absl::string_view path,
                                        const std::vector<Line>& lines);

// Returns the same warnings about the keys of a database. A key that is empty,
// contains an upper-case letter or is not ASCII cannot match either. Checks at
// most kMaxCheckedRecords keys. Errors are those of files::Cdb::ForEach().
absl::StatusOr<std::vector<std::string>> CheckHostKeys(
    const files::Cdb& database);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_HOST_LIST_H_
