// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads D. J. Bernstein's constant databases, https://cr.yp.to/cdb/cdb.txt.
//
// The content of the file is not trusted. Each offset and length is checked
// against the size of the file, and a search ends after the last slot.
//
// The search uses pread(2), with the hash and the byte order of tinycdb. The
// readers of tinycdb cannot be used. cdb_init() maps the file, and a file
// truncated while it is mapped causes SIGBUS. cdb_seek() moves the file offset,
// which all threads and forked processes share, and its loop depends on numbers
// from the file.

#ifndef POSTERN_FILES_CDB_H_
#define POSTERN_FILES_CDB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "system/descriptor.h"

namespace postern::files {

// An open database. If another file replaces it by rename(2), as qmail-newmrh
// and tcprules do, this object continues to read the file that it opened.
//
// Thread-safety: const methods may be called from any thread at any time.
class Cdb {
 public:
  // Opens the database `path` and checks its header. Returns kNotFound if the
  // file does not exist, kDataLoss if it is not a database or is truncated, and
  // the code of errno if it cannot be read. Each message names the path.
  static absl::StatusOr<Cdb> Open(absl::string_view path);

  Cdb(Cdb&&) = default;
  Cdb& operator=(Cdb&&) = default;

  // The largest data in bytes that Find() reads, and the largest key and data
  // together that ForEach() reads. In a file that is damaged, or made to do
  // harm, a record could claim 4 GiB.
  static constexpr size_t kMaxData = size_t{16} << 20;

  // Returns the data of the first record with this key, nullopt if there is
  // none, or an error as from Open(). Returns kDataLoss also if the data is
  // larger than kMaxData. `key` is compared byte by byte.
  absl::StatusOr<std::optional<std::string>> Find(absl::string_view key) const;

  // Returns true if there is a record with this key. Does not read its data.
  absl::StatusOr<bool> Contains(absl::string_view key) const;

  // Calls `each` with each record in the order of the file, until `each`
  // returns false. Errors are those of Find(). The records include those that a
  // search by key would not find.
  absl::Status ForEach(
      absl::FunctionRef<bool(absl::string_view key, absl::string_view data)>
          each) const;

  const std::string& path() const { return path_; }

 private:
  struct Span {
    uint64_t position = 0;  // in the file
    uint64_t length = 0;
  };

  Cdb(system::Descriptor file, absl::string_view path)
      : file_(std::move(file)), path_(path) {}

  absl::Status CheckHeader();
  absl::StatusOr<std::optional<Span>> FindData(absl::string_view key) const;
  // Reads the record at `position`. Returns the place of its data if its key is
  // `key`.
  absl::StatusOr<std::optional<Span>> MatchRecord(uint64_t position,
                                                  absl::string_view key) const;
  // Reads exactly `length` bytes.
  absl::StatusOr<std::string> Read(Span where) const;
  // Reads two numbers. A database consists of such pairs, keys and data.
  absl::StatusOr<std::pair<uint64_t, uint64_t>> ReadPair(
      uint64_t position) const;
  absl::Status Damaged(absl::string_view what, uint64_t position) const;

  system::Descriptor file_;
  std::string path_;
  uint64_t size_ = 0;  // of the file when it was opened
  // The header: the position of each hash table and its number of slots.
  std::vector<Span> tables_;
};

}  // namespace postern::files

#endif  // POSTERN_FILES_CDB_H_
