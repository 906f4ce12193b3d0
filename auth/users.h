// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The users of a file: their passwords, and their keys for SCRAM.

#ifndef POSTERN_AUTH_USERS_H_
#define POSTERN_AUTH_USERS_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"
#include "auth/password_checker.h"
#include "auth/scram.h"
#include "auth/user_table.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "files/reloading_file.h"
#include "log/report.h"

namespace postern::auth {

// Reads the table (auth/user_table.h) of a file of users, and reads it anew
// when it has changed: a user who was added can log in at once, and one who was
// removed cannot. A table that is missing or damaged is CannotTell() for
// everyone, and a line of `report` that names it, each time.
//
// The user's identity is the name in the file, which the client has named in
// any way that SaslPrep() makes the same.
//
// Thread-safe. A call reads the disk and hashes: 16 ms by default.
class Users : public PasswordChecker, public ScramSource {
 public:
  // `path` is that of the file of users or of its table. Nothing is read yet.
  Users(absl::string_view path, log::Report report);

  // PasswordChecker. A challenge of CRAM-MD5 is WrongCredentials(): it needs
  // passwords that can be read, which nobody has here. A user who is not there
  // takes the time of UserTable::stand_in().
  AuthMove Check(const Proof& proof, const SessionInfo& session) override;

  // ScramSource. Who is known to crypt(3) alone is as one who is not there.
  std::optional<Found> FindScram(absl::string_view user) override;

  // Returns whether each user can use SCRAM, or why the table cannot be read.
  absl::StatusOr<bool> AllScram();

 private:
  using Table = std::shared_ptr<const UserTable>;

  // Returns the table, or null when it has reported why there is none.
  Table Now();

  const log::Report report_;
  files::ReloadingFile<UserTable> file_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USERS_H_
