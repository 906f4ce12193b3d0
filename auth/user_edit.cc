// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_edit.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "auth/digest.h"
#include "auth/user_table.h"
#include "files/content.h"
#include "files/directory_lock.h"
#include "files/replacement.h"

namespace postern::auth {
namespace {

constexpr mode_t kMode = 0600;

bool Later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

// Completes the change of a process that was killed, if the table contains it.
// Otherwise removes the temporary files. Returns an error if the file was
// changed after that process.
absl::Status Recover(absl::string_view path) {
  const std::string table_path = UserTablePath(path);
  absl::Status status = files::RemoveTemporary(table_path);
  if (!status.ok()) return status;
  const absl::StatusOr<files::Content> text =
      files::ReadContent(files::TemporaryPath(path), kMaxUserFile);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  const absl::StatusOr<UserTable> table = UserTable::Open(table_path);
  absl::StatusOr<std::string> digest = std::string();
  if (table.ok()) {
    digest = table->TextDigest();
  } else if (!absl::IsNotFound(table.status()) &&
             !absl::IsDataLoss(table.status())) {
    digest = table.status();
  }
  if (!digest.ok()) return digest.status();
  if (*digest != Sha256(text->bytes)) return files::RemoveTemporary(path);
  // A change by hand after the killed process must not be lost.
  const std::string prepared_path = files::TemporaryPath(path);
  struct stat current = {};
  struct stat prepared = {};
  if (stat(std::string(path).c_str(), &current) == 0) {
    if (stat(prepared_path.c_str(), &prepared) != 0) {
      return absl::ErrnoToStatus(errno, prepared_path);
    }
    if (Later(current.st_mtim, prepared.st_mtim) ||
        Later(current.st_ctim, prepared.st_ctim)) {
      return absl::FailedPreconditionError(absl::StrCat(
          path,
          " was changed after a command that did not complete. The users of "
          "that command are in ",
          prepared_path, " and in the table. Write the correct users into ",
          path, ", and remove ", prepared_path));
    }
  }
  return files::CommitPrepared(path);
}

// Returns an error if the file `path` is missing but its table exists.
absl::Status CheckNoTable(absl::string_view path) {
  const std::string table_path = UserTablePath(path);
  struct stat facts;
  if (stat(table_path.c_str(), &facts) != 0) {
    return errno == ENOENT ? absl::OkStatus()
                           : absl::ErrnoToStatus(errno, table_path);
  }
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": no such file, but its table ", table_path,
                   " has users, which a new file would remove: restore ", path,
                   ", or remove the table to start without them"));
}

}  // namespace

absl::Status EditUsers(absl::string_view path, MissingFile missing,
                       absl::FunctionRef<absl::Status(UserFile*)> edit) {
  if (UserTablePath(path) == path) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a table, not a file of users"));
  }
  const absl::StatusOr<files::DirectoryLock> lock =
      files::DirectoryLock::Take(path);
  if (!lock.ok()) return lock.status();
  absl::Status status = Recover(path);
  if (!status.ok()) return status;
  absl::StatusOr<UserFile> users = UserFile::Read(path);
  const bool is_new = absl::IsNotFound(users.status());
  if (is_new && missing == MissingFile::kIsEmpty) {
    status = CheckNoTable(path);
    if (!status.ok()) return status;
    users = UserFile();
  }
  if (!users.ok()) return users.status();
  const std::string before = users->Print();
  status = edit(&*users);
  if (!status.ok()) return status;

  const std::string after = users->Print();
  std::optional<files::Replacement> text;
  if (is_new || after != before) {
    absl::StatusOr<files::Replacement> begun =
        files::Replacement::Begin(path, kMode);
    if (!begun.ok()) return begun.status();
    text.emplace(*std::move(begun));
    status = text->Write(after);
    if (!status.ok()) return status;
  }
  absl::StatusOr<files::Replacement> table = CompileUsers(*users, path);
  if (!table.ok()) return table.status();
  status = table->Sync();
  if (status.ok() && text) status = text->Prepare();
  if (status.ok()) status = table->Commit();  // the moment of the change
  if (status.ok() && text) status = text->Commit();
  // Returns the first error. The next edit calls Recover() again.
  if (!status.ok()) Recover(path).IgnoreError();
  return status;
}

}  // namespace postern::auth
