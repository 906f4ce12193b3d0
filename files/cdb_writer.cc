// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/cdb_writer.h"

#include <cdb.h>
#include <errno.h>
#include <sys/types.h>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "files/directory_lock.h"

namespace postern::files {
namespace {

// Servers read databases as another user than the one that makes them.
constexpr mode_t kMode = 0644;

}  // namespace

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

absl::Status ReplaceCdb(absl::string_view path,
                        absl::Span<const CdbRecord> records) {
  const absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(path);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<Replacement> file = Replacement::Begin(path, kMode);
  if (!file.ok()) return file.status();
  const absl::Status written = WriteCdb(records, &*file);
  if (!written.ok()) {
    return absl::Status(written.code(),
                        absl::StrCat(path, ": ", written.message()));
  }
  return file->Commit();
}

}  // namespace postern::files
