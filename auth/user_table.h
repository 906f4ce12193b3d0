// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file of users, compiled to a cdb: the user's name is the key, the text of
// the verifier the data. A head, whose key is empty, says how an attempt for a
// user who does not exist shall look. The record "#text", which is the name of
// no user, has the SHA-256 of the text that the table was made of.

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

// Returns the path of the table of the file of users `path`: PATH.cdb; `path`
// itself where it ends so, and is that of the table.
std::string UserTablePath(absl::string_view path);

// Writes the table of `users` beside `path`, the file of users, to be
// committed. It gets the mode, owner and group of the table that is there, or
// else of the file of users, or else mode 0600. Errors are those of
// files::Replacement and files::WriteCdb().
//
// It keeps the secret of the table that is there: a client that tries a name
// again after a change of other users sees the salt that it saw before. A table
// that is damaged is replaced; one that cannot be read, or that is open to
// everyone, is an error (UserTable::Open()), since it stays what it is.
absl::StatusOr<files::Replacement> CompileUsers(const UserFile& users,
                                                absl::string_view path);

// An open table. Thread-safety: const methods may be called from any thread at
// any time.
class UserTable {
 public:
  // Opens the table at `path`, which is a cdb. kFailedPrecondition: it is open
  // to everyone (CheckPrivate()). kDataLoss: it has no head, so is none that
  // CompileUsers() has made. Else as files::Cdb::Open(). All name the path.
  static absl::StatusOr<UserTable> Open(absl::string_view path);

  // Returns the user's verifier, nullopt where there is none; kDataLoss, with
  // path and user, if what is there cannot be read.
  absl::StatusOr<std::optional<Verifier>> Find(absl::string_view name) const;

  // The verifier of no password, of which Check() takes as long as for most
  // users: those of the cost() that most of them have, and the first of the
  // file among several. Where users' costs differ, so do the times they take,
  // and who has another than most can be told from nobody.
  const Verifier& stand_in() const { return stand_in_; }

  // Returns keys that look like a user's, for a name that nobody has: the salt
  // depends on the name and on a secret of this table's, and the iterations are
  // those that most users have.
  ScramKeys MakeUpKeys(absl::string_view name) const;

  // Returns the SHA-256 of UserFile::Print() of the users that the table has;
  // empty: not known, since an older postern made it. Errors are as of Find().
  absl::StatusOr<std::string> TextDigest() const;

  // Whether each user has keys for SCRAM.
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
