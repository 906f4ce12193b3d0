// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Writes constant databases (files/cdb.h) with tinycdb.

#ifndef POSTERN_FILES_CDB_WRITER_H_
#define POSTERN_FILES_CDB_WRITER_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "files/replacement.h"

namespace postern::files {

using CdbRecord = std::pair<std::string, std::string>;  // key and data

// Writes `records` as a database to `file`, which must be empty. The caller
// commits the file. If several records have the same key, a search finds the
// first. Returns the code of errno if the file cannot be written, or if the
// records exceed the largest size of a database (4 GiB).
absl::Status WriteCdb(absl::Span<const CdbRecord> records, Replacement* file);

// Replaces the database at `path` with one that contains `records`, durably, as
// Replacement does; or makes it, with the mode 0644 whatever the umask is.
// After an error, the old database is still there. Waits until no other process
// replaces a file in the same directory. Errors name `path`.
absl::Status ReplaceCdb(absl::string_view path,
                        absl::Span<const CdbRecord> records);

}  // namespace postern::files

#endif  // POSTERN_FILES_CDB_WRITER_H_
