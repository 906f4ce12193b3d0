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
// it has changed, and its table (CompileUsers()). No other EditUsers() works on
// the file meanwhile. A new file has mode 0600; others keep mode, owner and
// group.
//
// File and table change together. The rename of the table is the moment of the
// change, for servers too, since they read the table alone. A process that is
// killed before it has changed nothing; one that is killed after it leaves the
// new file under its temporary name, and the next EditUsers(), whatever it
// edits, puts it in place before it reads. An error, of `edit` (which is passed
// on) or of the disk, leaves both as they were, unless it comes after the
// rename of the table: then the next EditUsers() completes the change.
//
// Errors are those of UserFile::Read(), files::FolderLock, files::Replacement
// and CompileUsers(). kInvalidArgument also for a path that ends in ".cdb",
// which is that of a table. kFailedPrecondition also for a missing file whose
// table is there: an empty file would take all its users away.
absl::Status EditUsers(absl::string_view path, MissingFile missing,
                       absl::FunctionRef<absl::Status(UserFile*)> edit);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USER_EDIT_H_
