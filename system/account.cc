// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/account.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace postern::system {

absl::StatusOr<Account> FindAccount(const std::string& name) {
  // An account with more text is no account of a server.
  constexpr size_t kMostRoom = size_t{1} << 20;
  std::vector<char> room(1024);
  passwd entry = {};
  passwd* found = nullptr;
  int error = 0;
  while ((error = getpwnam_r(name.c_str(), &entry, room.data(), room.size(),
                             &found)) == ERANGE &&
         room.size() < kMostRoom) {
    room.resize(2 * room.size());
  }
  if (found != nullptr) return Account{entry.pw_uid, entry.pw_gid};
  switch (error) {
    case 0:
    // getpwnam(3) has these for a name that was not found, too.
    case ENOENT:
    case ESRCH:
    case EBADF:
    case EPERM:
      return absl::NotFoundError(absl::StrCat("no such user: ", name));
    default:
      return absl::UnavailableError(
          absl::StrCat("user ", name, ": ", strerror(error)));
  }
}

}  // namespace postern::system
