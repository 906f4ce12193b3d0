// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The users of a file, with their passwords and their keys for SCRAM.

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

// Reads the table (auth/user_table.h) of a file of users, and reads it again
// when it has changed: a user that was added can log in at once, and a user
// that was removed cannot. If the table is missing or damaged, the answer is
// Outage() for all users, and each call reports the table and the reason.
//
// The identity is the user's name in the file. A client may write it in any
// form with the same SaslPrep().
//
// Thread-safe. Each call reads the disk. Check() also hashes, which takes 16 ms
// by default.
class Users : public PasswordChecker, public ScramSource {
 public:
  // `path` is the path of the file of users or of its table. The constructor
  // does not read it.
  Users(absl::string_view path, log::Report report);

  // Implements PasswordChecker. A challenge of CRAM-MD5 gives
  // WrongCredentials(), because it needs passwords in clear text, which are not
  // stored. A user that does not exist takes the time of UserTable::stand_in().
  AuthAnswer Check(const PasswordCredentials& credentials,
                   const SessionInfo& session) override;

  // Implements ScramSource. A user that has only a crypt(3) hash is treated as
  // unknown.
  std::optional<Found> FindScram(absl::string_view user) override;

  // Returns true if each user can use SCRAM, or the reason why the table cannot
  // be read.
  absl::StatusOr<bool> AllScram();

 private:
  using Table = std::shared_ptr<const UserTable>;

  // Returns the table, or null after reporting why it cannot be read.
  Table Now();

  const log::Report report_;
  files::ReloadingFile<UserTable> file_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USERS_H_
