// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The accounts of the system: /etc/passwd and what else nsswitch.conf(5) names.

#ifndef POSTERN_SYSTEM_ACCOUNT_H_
#define POSTERN_SYSTEM_ACCOUNT_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace postern::system {

// What the system knows of a user.
struct Account {
  uid_t user = 0;
  gid_t group = 0;  // the primary group
};

// Returns the account `name`. Returns kNotFound "no such user: NAME" only if
// the system is certain that there is none, and kUnavailable "user NAME: WHY"
// if it cannot say: a service that has the accounts, such as LDAP, does not
// answer, or there are no descriptors left. May block on that service.
// Thread-safe.
absl::StatusOr<Account> FindAccount(const std::string& name);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_ACCOUNT_H_
