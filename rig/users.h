// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The users of a rig: all SASL mechanisms of package auth, with passwords that
// the test knows.

#ifndef POSTERN_RIG_USERS_H_
#define POSTERN_RIG_USERS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "auth/backend.h"
#include "auth/bearer_backend.h"
#include "auth/password_checker.h"
#include "auth/scram.h"
#include "engine/authenticator.h"
#include "engine/session_info.h"
#include "rig/options.h"

namespace postern::rig {

// Thread-safe. Does not block, except that each SCRAM exchange derives keys,
// which takes about a millisecond.
class Users : public auth::Backend,
              private auth::PasswordChecker,
              private auth::ScramSource {
 public:
  // `mechanisms` as in Options.
  Users(std::vector<User> users, std::vector<std::string> mechanisms);

  // Whether a mechanism can be in `mechanisms`.
  static bool Serves(absl::string_view mechanism);

  // See Authenticator.
  std::vector<auth::Mechanism> mechanisms() const override;
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  const User* Find(absl::string_view name) const;
  AuthAnswer Check(const auth::PasswordCredentials& credentials,
                   const SessionInfo& session) override;
  std::optional<Found> FindScram(absl::string_view user) override;

  const std::vector<User> users_;
  const std::vector<std::string> mechanisms_;
  auth::BearerBackend bearer_;
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_USERS_H_
