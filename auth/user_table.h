// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file of users, compiled to a cdb. The key is the user's name, and the data
// the text of the verifier.
//
// The record with the empty key is the head. It says how the server answers an
// attempt for a user that does not exist. The record "#text", which is not a
// valid name, holds the SHA-256 of the text from which the table was made.

#ifndef POSTERN_AUTH_USER_TABLE_H_
#define POSTERN_AUTH_USER_TABLE_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/scram_keys.h"
#include "auth/user_file.h"
#include "auth/verifier.h"
#include "files/cdb.h"
#include "files/replacement.h"

namespace postern::auth {

// Returns the path of the table for the file of users `path`: PATH.cdb. If
// `path` already ends in ".cdb", it is the path of the table.
std::string UserTablePath(absl::string_view path);

// Writes the table of `users` to a temporary file next to `path`, the file of
// users. The caller commits it. Its mode, owner and group are those of the
// existing table; if there is none, those of the file of users; if that does
// not exist either, the mode is 0600. Errors are those of files::Replacement
// and files::WriteCdb().
//
// The new table keeps the secret of the existing table: a client that tries an
// unknown name gets the same salt before and after a change of other users. A
// damaged table is replaced. It is an error if the existing table cannot be
// read or is open to other users (UserTable::Open()), because the new table
// would keep its mode.
absl::StatusOr<files::Replacement> CompileUsers(const UserFile& users,
                                                absl::string_view path);

// An open table. Thread-safety: const methods may be called from any thread at
// any time.
class UserTable {
 public:
  // Opens the table at `path`, a cdb. Returns kFailedPrecondition if it is open
  // to other users (CheckPrivate()), kDataLoss if it has no head, so that
  // CompileUsers() did not make it, and otherwise the errors of
  // files::Cdb::Open(). Each error names the path.
  static absl::StatusOr<UserTable> Open(absl::string_view path);

  // Returns the user's verifier, or nullopt if there is none. Returns kDataLoss
  // with path and user if the verifier cannot be parsed.
  absl::StatusOr<std::optional<Verifier>> Find(absl::string_view name) const;

  // A verifier of no password. Check() takes as long for it as for most users:
  // it has the cost() that most users have, and if several are equally
  // frequent, that of the first user in the file. If the costs of users differ,
  // so do the times, and a user with a different cost than most can be
  // distinguished from a user that does not exist.
  const Verifier& stand_in() const { return stand_in_; }

  // Returns keys for a name that no user has, which look like those of a user.
  // The salt depends on the name and on a secret of this table. The number of
  // iterations is that of most users.
  ScramKeys MakeUpKeys(absl::string_view name) const;

  // Returns the SHA-256 of UserFile::Print() of the users in the table, or the
  // empty string if it is unknown because an older version made the table.
  // Errors are those of Find().
  absl::StatusOr<std::string> TextDigest() const;

  // True if each user has keys for SCRAM.
  bool all_scram() const { return all_scram_; }

 private:
  friend absl::StatusOr<files::Replacement> CompileUsers(
      const UserFile& users, absl::string_view path);

  UserTable(files::Cdb cdb, Verifier stand_in)
      : cdb_(std::move(cdb)), stand_in_(std::move(stand_in)) {}

  files::Cdb cdb_;
  Verifier stand_in_;
  std::string secret_;
  int iterations_ = 0;
  bool all_scram_ = false;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USER_TABLE_H_
