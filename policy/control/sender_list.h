// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The senders that belong to each user: control/senders and senders.cdb.
//
//   senders line                     what the user may have as sender
//   ann:ann@x.example                that address
//   ann:info@x.example @y.example    that one, and every one of y.example
//   bob@x.example:@x.example         the user's name may be an address
//
// A line is a user, a colon, and addresses between blanks; the lines of a user
// add up. The user is what stands before the first colon, compared byte by
// byte; of an address, ASCII letters of the domain match in either case, the
// local part and all other bytes match themselves alone. "@y.example" is no
// name below y.example. An address is as the envelope has it, without quotes;
// without '@' it is a local name.
//
// The database is asked when no line matches. Its keys are users, one record
// each (of two, the first counts), and its data addresses between blanks:
// whoever has a colon in the name, or addresses by the thousand, is there.

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
  // `more` is missing where there is no database. Lines that
  // CheckSenderLines() warns of give nobody anything.
  SenderList(const std::vector<Line>& lines, std::optional<files::Cdb> more);

  // Returns whether `user` may send as `sender`. Everyone may as nobody, "<>":
  // what programs for mail answer with must come from there (RFC 8098 3), and
  // it names no one else. A user whose name is an address may as that address.
  // Anything else must be listed. Returns the database's error where it cannot
  // tell.
  absl::StatusOr<bool> Allows(absl::string_view user, const Path& sender) const;

  // Returns whether there is a database, which Allows() may read.
  bool has_database() const { return more_.has_value(); }
  const std::optional<files::Cdb>& database() const { return more_; }

 private:
  absl::flat_hash_map<std::string, std::vector<std::string>> lines_;  // by user
  std::optional<files::Cdb> more_;
};

// Returns warnings where lines of the file `path` have no user or no address,
// or hold one that no sender can be ("u@", "@", "@.x") or hardly one ("*@x").
std::vector<std::string> CheckSenderLines(absl::string_view path,
                                          const std::vector<Line>& lines);

// Returns the same about the records of a database, of which it looks at
// kMaxCheckedRecords at most. An error is as of files::Cdb::Find().
absl::StatusOr<std::vector<std::string>> CheckSenderRecords(
    const files::Cdb& database);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_SENDER_LIST_H_
