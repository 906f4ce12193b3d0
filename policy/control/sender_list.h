// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The senders that belong to each user: control/senders and senders.cdb.
//
//   senders line                     the senders that the user may use
//   ann:ann@x.example                that address
//   ann:info@x.example @y.example    that address, and each one at y.example
//   bob@x.example:@x.example         the user's name may be an address
//
// A line contains a user, a colon, and addresses separated by blanks. The lines
// of a user add up. The user is the text before the first colon and is compared
// byte by byte. In addresses the case of ASCII letters in the domain is
// ignored, and a domain in UTF-8 and its xn-- form match each other
// (engine/grammar/domain.h); the local part matches only itself. "@y.example"
// does not match subdomains of y.example. Addresses are written without quotes,
// as in the envelope. An address without '@' is a local name.
//
// The database is read if no line matches. It has one record for each user: the
// key is the user, and the data are addresses separated by blanks. Of two
// records with the same key, the first one counts. The database is for users
// with a colon in their names and for users with thousands of addresses.

#ifndef POSTERN_POLICY_CONTROL_SENDER_LIST_H_
#define POSTERN_POLICY_CONTROL_SENDER_LIST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"
#include "files/cdb.h"
#include "policy/control/control_file.h"

namespace postern::policy {

// Thread-safety: const methods may be called from any thread at any time.
class SenderList {
 public:
  // `more` is nullopt if there is no database. Lines without a user or an
  // address, about which CheckSenderLines() warns, have no effect.
  SenderList(const std::vector<Line>& lines, std::optional<files::Cdb> more);

  // Returns whether `user` may send as `sender`. Every user may use the null
  // sender "<>": mail programs must send disposition notifications from it
  // (RFC 8098 3), and it names no other user. A user whose name is an address
  // may use that address. Other senders must be listed. Returns the database's
  // error if the database cannot be read.
  absl::StatusOr<bool> Allows(absl::string_view user, const Path& sender) const;

  // Returns whether there is a database, which Allows() may read.
  bool has_database() const { return more_.has_value(); }
  const std::optional<files::Cdb>& database() const { return more_; }

 private:
  absl::flat_hash_map<std::string, std::vector<std::string>> lines_;  // by user
  std::optional<files::Cdb> more_;
};

// Returns warnings about lines of the file `path` that have no user or no
// address, or that contain an address that no sender can have ("u@", "@",
// "@.x") or that probably none has ("*@x").
std::vector<std::string> CheckSenderLines(absl::string_view path,
                                          const std::vector<Line>& lines);

// Returns the same warnings about the records of a database. Checks at most
// kMaxCheckedRecords records. Errors are those of files::Cdb::ForEach().
absl::StatusOr<std::vector<std::string>> CheckSenderRecords(
    const files::Cdb& database);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_SENDER_LIST_H_
