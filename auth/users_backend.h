// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Clients that are users of a file (auth/user_file.h).

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

// Offers PLAIN and LOGIN, and SCRAM-SHA-256 before them if each user of the
// file has keys for it: a client that can do both takes SCRAM, fails where
// crypt(3) alone knows its password, and does not come back with PLAIN.
//
// SCRAM needs no second mechanism to tell users from nobody (see
// Users::FindScram()). Its exchanges wait for the disk, those of PLAIN and
// LOGIN for 16 ms of hashing besides: see PooledAuthenticator.
class UsersBackend : public Backend {
 public:
  // Opens the table of the file of users `path`, which may be that of the text
  // or of the table beside it (UserTablePath()). Errors are those of
  // UserTable::Open(). What cannot be read later is reported.
  //
  // Changes of users count at once; what is offered stays as it is now: who
  // wants another choice opens another.
  //
  // `options` are those of PLAIN and LOGIN.
  static absl::StatusOr<std::shared_ptr<UsersBackend>> Open(
      absl::string_view path, log::Report report,
      const PasswordExchangeOptions& options = {});

  std::vector<Mechanism> mechanisms() const override;
  // Exchanges must not outlive this.
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
