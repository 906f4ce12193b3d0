// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Authenticates the users of a file (auth/user_file.h).

#ifndef POSTERN_AUTH_USERS_BACKEND_H_
#define POSTERN_AUTH_USERS_BACKEND_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"
#include "auth/password_exchange.h"
#include "auth/users.h"
#include "engine/authenticator.h"
#include "engine/session_info.h"
#include "log/report.h"

namespace postern::auth {

// Offers PLAIN and LOGIN, and before them SCRAM-SHA-256 if each user in the
// file has keys for it. A client that supports both takes SCRAM. It would fail
// for a user that has only a crypt(3) hash, and would not try PLAIN after that.
//
// An exchange of SCRAM does not show whether a user exists: see
// Users::FindScram(). Exchanges block on the disk; those of PLAIN and LOGIN
// also take 16 ms to hash: see PooledAuthenticator.
class UsersBackend : public Backend {
 public:
  // Opens the table of the file of users. `path` may be that of the file or of
  // its table (UserTablePath()). Errors are those of UserTable::Open(). If the
  // table cannot be read later, that is reported.
  //
  // Changes of users take effect at once. The list of mechanisms does not
  // change: for that, open a new backend.
  //
  // `options` apply to PLAIN and LOGIN.
  static absl::StatusOr<std::shared_ptr<UsersBackend>> Open(
      absl::string_view path, log::Report report,
      const PasswordExchangeOptions& options = {});

  std::vector<Mechanism> mechanisms() const override;
  // Exchanges must not outlive this object.
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  UsersBackend(absl::string_view path, log::Report report,
               const PasswordExchangeOptions& options)
      : exchange_(options), users_(path, std::move(report)) {}

  const PasswordExchangeOptions exchange_;
  Users users_;
  bool scram_ = false;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USERS_BACKEND_H_
