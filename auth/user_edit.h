// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Changes a file of users together with its table.

#ifndef POSTERN_AUTH_USER_EDIT_H_
#define POSTERN_AUTH_USER_EDIT_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "auth/user_file.h"

namespace postern::auth {

enum class MissingFile : uint8_t { kIsAnError, kIsEmpty };

// Reads the file of users `path`, calls `edit` to change it, and writes the
// file, if it has changed, and its table (CompileUsers()). Calls of EditUsers()
// for files in the same directory wait for each other. A new file has mode
// 0600. An existing file keeps its mode, owner and group.
//
// File and table change together. The rename of the table is the moment of the
// change, also for servers, because they read only the table. If the process is
// killed before the rename, nothing has changed. If it is killed after it, the
// new file stays under its temporary name, and the next EditUsers() moves it to
// its path before it reads. An error of `edit`, which is passed on, or of the
// disk leaves both unchanged, unless it comes after the rename of the table. In
// that case the next EditUsers() completes the change.
//
// Errors are those of UserFile::Read(), files::DirectoryLock,
// files::Replacement and CompileUsers(). Returns kInvalidArgument if `path`
// ends in ".cdb", which is the name of a table. Returns kFailedPrecondition if
// the file is missing but its table exists, because an empty file would remove
// all users of the table; and if the file was changed after a command that did
// not complete.
absl::Status EditUsers(absl::string_view path, MissingFile missing,
                       absl::FunctionRef<absl::Status(UserFile*)> edit);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USER_EDIT_H_
