// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/cdb_writer.h"

#include <cdb.h>
#include <errno.h>

namespace postern::files {

absl::Status WriteCdb(absl::Span<const CdbRecord> records, Replacement* file) {
  struct cdb_make make;
  int error = cdb_make_start(&make, file->fd()) == 0 ? 0 : errno;
  for (const auto& [key, data] : records) {
    if (error != 0) break;
    if (cdb_make_add(&make, key.data(), static_cast<unsigned>(key.size()),
                     data.data(), static_cast<unsigned>(data.size())) != 0) {
      error = errno;
    }
  }
  // It frees its memory, and must therefore be called after an error as well.
  if (cdb_make_finish(&make) != 0 && error == 0) error = errno;
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, "writing the database");
}

}  // namespace postern::files
