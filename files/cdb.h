// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads D. J. Bernstein's constant databases, https://cr.yp.to/cdb/cdb.txt,
// and believes nothing that is in them: every offset and length is checked
// against the file, and a search ends behind the last slot.
//
// The search is ours over pread(2), with tinycdb's hash and byte order.
// tinycdb's own readers will not do: cdb_init() maps the file, and a file that
// is cut short under a map is a SIGBUS; cdb_seek() moves the offset that all
// threads and forks share, and loops by what the file says of itself.

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

// An open database. It goes on reading the file that it opened when that is
// replaced by another, as qmail-newmrh and tcprules do it, with rename(2).
//
// Thread-safety: const methods may be called from any thread at any time.
class Cdb {
 public:
  // Opens the database `path` and checks its header. Returns kNotFound where
  // there is no such file, kDataLoss where it is no database or not all of
  // one, and the code of errno where it cannot be read. Every message names
  // the path.
  static absl::StatusOr<Cdb> Open(absl::string_view path);

  Cdb(Cdb&&) = default;
  Cdb& operator=(Cdb&&) = default;

  // Octets of a record's data that Find() reads at most. A file that is
  // damaged, or made to do harm, could claim 4 GiB of it.
  static constexpr size_t kMaxData = size_t{16} << 20;

  // Returns the data of the first record with this key, nullopt where there is
  // none, or an error as of Open(); kDataLoss also for data above kMaxData.
  // `key` is compared byte by byte.
  absl::StatusOr<std::optional<std::string>> Find(absl::string_view key) const;

  // Returns whether there is a record with this key. Does not read its data.
  absl::StatusOr<bool> Contains(absl::string_view key) const;

  // Calls `each` with one record after the other, in the order of the file,
  // until it returns false. An error is as of Find(). Records that no key leads
  // to are among them.
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
  // Reads the record at `position`: its data if its key is `key`.
  absl::StatusOr<std::optional<Span>> MatchRecord(uint64_t position,
                                                  absl::string_view key) const;
  // Reads exactly `length` bytes.
  absl::StatusOr<std::string> Read(Span where) const;
  // Reads two numbers, of which all of a database but keys and data is made.
  absl::StatusOr<std::pair<uint64_t, uint64_t>> ReadPair(
      uint64_t position) const;
  absl::Status Damaged(absl::string_view what, uint64_t position) const;

  system::Descriptor file_;
  std::string path_;
  uint64_t size_ = 0;  // of the file when it was opened
  // The header: where each hash table is, and how many slots it has.
  std::vector<Span> tables_;
};

}  // namespace postern::files

#endif  // POSTERN_FILES_CDB_H_
