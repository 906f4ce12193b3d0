// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/secret.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "files/content.h"
#include "system/account.h"

namespace postern::files {
absl::StatusOr<std::string> ReadSecret(absl::string_view path, size_t max_size,
                                       const std::string& user) {
  absl::StatusOr<Content> content = ReadContent(path, max_size);
  if (!content.ok()) return content.status();
  if ((content->facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        path,
        ": users other than its owner may read or write it: run chmod 600"));
  }
  const uid_t owner = content->facts.st_uid;
  if (owner != 0 && owner != geteuid()) {
    if (!user.empty()) {
      const auto account = system::FindAccount(user);
      if (account.ok() && account->user == owner) {
        return std::move(content->bytes);
      }
      if (absl::IsUnavailable(account.status())) {
        return absl::UnavailableError(
            absl::StrCat(path, ": ", account.status().message()));
      }
    }
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": belongs to the user with the id ", owner,
                     ", not to root or to the user of the server: run chown"));
  }
  return std::move(content->bytes);
}

}  // namespace postern::files
