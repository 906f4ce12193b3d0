// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The user of the server in the system for which files are written.

#ifndef POSTERN_PROGRAMS_INIT_SYSTEM_USER_H_
#define POSTERN_PROGRAMS_INIT_SYSTEM_USER_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace postern::programs {

// The user of dist/sysusers.conf and of the units. Another user is never
// created, because its name may be a mistake.
inline constexpr char kSystemUser[] = "postern";

struct SystemUser {
  uid_t uid = static_cast<uid_t>(-1);  // -1: nothing changes its owner
  gid_t gid = static_cast<gid_t>(-1);
  bool is_missing = false;  // CreateSystemUser() can create it
};

// Finds the user `name` in the system whose directory is `root`; empty: this
// one. An empty name gives no user. Returns kNotFound if the user does not
// exist and this command does not create it. The message has the command that
// does.
absl::StatusOr<SystemUser> FindSystemUser(const std::string& name,
                                          const std::string& root);

// Creates the user `name` of this system. Blocks until useradd(8) has ended.
// Errors have the command that was run.
absl::StatusOr<SystemUser> CreateSystemUser(const std::string& name);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_INIT_SYSTEM_USER_H_
