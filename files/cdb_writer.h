// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Writes constant databases (files/cdb.h), by tinycdb.

#ifndef POSTERN_FILES_CDB_WRITER_H_
#define POSTERN_FILES_CDB_WRITER_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "files/replacement.h"

namespace postern::files {

using CdbRecord = std::pair<std::string, std::string>;  // key and data

// Makes `file`, which is new, a database of `records`; its owner commits it. Of
// equal keys the first is found. Returns the code of errno where the file
// cannot be written, or where there is more than a database holds (4 GB).
absl::Status WriteCdb(absl::Span<const CdbRecord> records, Replacement* file);

}  // namespace postern::files

#endif  // POSTERN_FILES_CDB_WRITER_H_
