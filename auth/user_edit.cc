// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_edit.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "auth/user_table.h"
#include "files/folder_lock.h"
#include "files/replacement.h"

namespace postern::auth {
namespace {

constexpr mode_t kMode = 0600;

}  // namespace

absl::Status EditUsers(absl::string_view path, MissingFile missing,
                       absl::FunctionRef<absl::Status(UserFile*)> edit) {
  if (UserTablePath(path) == path) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the name of a table, not of a file of users"));
  }
  const absl::StatusOr<files::FolderLock> lock = files::FolderLock::Take(path);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<UserFile> users = UserFile::Read(path);
  const bool is_new = absl::IsNotFound(users.status());
  if (is_new && missing == MissingFile::kIsEmpty) users = UserFile();
  if (!users.ok()) return users.status();
  const std::string before = users->Print();
  absl::Status status = edit(&*users);
  if (!status.ok()) return status;

  const std::string after = users->Print();
  std::optional<files::Replacement> text;
  if (is_new || after != before) {
    absl::StatusOr<files::Replacement> begun =
        files::Replacement::Begin(path, kMode);
    if (!begun.ok()) return begun.status();
    text.emplace(*std::move(begun));
    status.Update(text->Write(after));
    status.Update(text->Sync());
  }
  absl::StatusOr<files::Replacement> table = CompileUsers(*users, path);
  if (!table.ok()) return table.status();
  status.Update(table->Sync());
  if (!status.ok()) return status;
  if (text) status.Update(text->Commit());
  if (status.ok()) status.Update(table->Commit());
  return status;
}

}  // namespace postern::auth
