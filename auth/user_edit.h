// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Changes a file of users, and its table with it.

#ifndef POSTERN_AUTH_USER_EDIT_H_
#define POSTERN_AUTH_USER_EDIT_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "auth/user_file.h"

namespace postern::auth {

enum class MissingFile : uint8_t { kIsAnError, kIsEmpty };

// Reads the file of users `path`, has `edit` change it, and writes the file, if
// it has changed, and its table (CompileUsers()). Nobody else's EditUsers() is
// at work on it meanwhile. A new file has mode 0600.
//
// Both are on the disk before either takes its place: a full disk leaves both
// as they were, and so does an error of `edit`, which is passed on. A crash
// between the two leaves the table behind the file; an `edit` that changes
// nothing mends that.
//
// Errors are those of UserFile::Read(), files::FolderLock, files::Replacement
// and CompileUsers(). kInvalidArgument also for a path that ends in ".cdb",
// which is that of a table.
absl::Status EditUsers(absl::string_view path, MissingFile missing,
                       absl::FunctionRef<absl::Status(UserFile*)> edit);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USER_EDIT_H_
