// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/cdb.h"

#include <cdb.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace postern::files {
namespace {

constexpr size_t kTables = 256;
constexpr size_t kPair = 8;  // two little-endian 32-bit numbers
constexpr size_t kHeader = kTables * kPair;

uint32_t Unpack(absl::string_view four) {
  return cdb_unpack(reinterpret_cast<const unsigned char*>(four.data()));
}

}  // namespace

absl::StatusOr<Cdb> Cdb::Open(absl::string_view path) {
  const std::string name(path);
  // O_NONBLOCK: opening a FIFO must not block.
  system::Descriptor file(
      open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open() && errno == ENOENT) {
    // For many callers this is the usual case, and absl::ErrnoToStatus() takes
    // a tenth of a millisecond to build its table of messages.
    return absl::NotFoundError(absl::StrCat("cdb ", path, ": no such file"));
  }
  if (!file.is_open()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cdb ", path));
  }
  Cdb cdb(std::move(file), path);
  struct stat status;
  if (fstat(cdb.file_.get(), &status) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cdb ", path));
  }
  cdb.size_ = static_cast<uint64_t>(status.st_size);
  const absl::Status checked = cdb.CheckHeader();
  if (!checked.ok()) return checked;
  return cdb;
}

absl::StatusOr<std::optional<std::string>> Cdb::Find(
    absl::string_view key) const {
  const absl::StatusOr<std::optional<Span>> data = FindData(key);
  if (!data.ok()) return data.status();
  if (!data->has_value()) return std::nullopt;
  if ((*data)->length > kMaxData) {
    return Damaged("a record's data is too large", (*data)->position);
  }
  absl::StatusOr<std::string> value = Read(**data);
  if (!value.ok()) return value.status();
  return *std::move(value);
}

absl::StatusOr<bool> Cdb::Contains(absl::string_view key) const {
  const absl::StatusOr<std::optional<Span>> data = FindData(key);
  if (!data.ok()) return data.status();
  return data->has_value();
}

absl::Status Cdb::ForEach(
    absl::FunctionRef<bool(absl::string_view key, absl::string_view data)> each)
    const {
  // The records end at the first hash table.
  uint64_t end = size_;
  bool any = false;
  for (const Span& table : tables_) {
    if (table.length == 0) continue;
    any = true;
    end = std::min(end, table.position);
  }
  if (!any) return absl::OkStatus();
  for (uint64_t at = kHeader; at < end;) {
    if (at + kPair > end) return Damaged("a record that is cut off", at);
    const auto lengths = ReadPair(at);
    if (!lengths.ok()) return lengths.status();
    const auto [key_length, data_length] = *lengths;
    const uint64_t next = at + kPair + key_length + data_length;
    if (next > end) {
      return Damaged("a record that ends outside the file", at);
    }
    if (key_length + data_length > kMaxData) {
      return Damaged("a record that is too large", at);
    }
    const absl::StatusOr<std::string> record =
        Read({at + kPair, key_length + data_length});
    if (!record.ok()) return record.status();
    const absl::string_view bytes = *record;
    const auto split = static_cast<size_t>(key_length);
    if (!each(bytes.substr(0, split), bytes.substr(split))) break;
    at = next;
  }
  return absl::OkStatus();
}

absl::Status Cdb::CheckHeader() {
  if (size_ < kHeader) return Damaged("shorter than its header", size_);
  const absl::StatusOr<std::string> header = Read({0, kHeader});
  if (!header.ok()) return header.status();
  const absl::string_view bytes = *header;
  tables_.reserve(kTables);
  for (size_t at = 0; at < kHeader; at += kPair) {
    const Span table = {Unpack(bytes.substr(at)), Unpack(bytes.substr(at + 4))};
    // The position of a table without slots has no meaning. The sum cannot
    // overflow, because both numbers have 32 bits.
    if (table.length > 0 && (table.position < kHeader ||
                             table.position + table.length * kPair > size_)) {
      return Damaged("a hash table outside the file", at);
    }
    tables_.push_back(table);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Cdb::Span>> Cdb::FindData(
    absl::string_view key) const {
  const uint32_t hash = cdb_hash(key.data(), static_cast<unsigned>(key.size()));
  const Span& table = tables_[hash % kTables];
  for (uint64_t i = 0; i < table.length; ++i) {
    const uint64_t slot = (hash / kTables + i) % table.length;
    const auto pair = ReadPair(table.position + slot * kPair);
    if (!pair.ok()) return pair.status();
    const auto [slot_hash, record] = *pair;
    if (record == 0) return std::nullopt;  // an empty slot ends the search
    if (slot_hash != hash) continue;
    absl::StatusOr<std::optional<Span>> data = MatchRecord(record, key);
    if (!data.ok() || data->has_value()) return data;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<Cdb::Span>> Cdb::MatchRecord(
    uint64_t position, absl::string_view key) const {
  if (position < kHeader || position + kPair > size_) {
    return Damaged("a record outside the file", position);
  }
  const auto lengths = ReadPair(position);
  if (!lengths.ok()) return lengths.status();
  const auto [key_length, data_length] = *lengths;
  const uint64_t data = position + kPair + key_length;
  if (data + data_length > size_) {
    return Damaged("a record that ends outside the file", position);
  }
  if (key_length != key.size()) return std::nullopt;
  const absl::StatusOr<std::string> found =
      Read({position + kPair, key_length});
  if (!found.ok()) return found.status();
  if (*found != key) return std::nullopt;
  return Span{data, data_length};
}

absl::StatusOr<std::string> Cdb::Read(Span where) const {
  std::string bytes(where.length, '\0');
  size_t used = 0;
  while (used < bytes.size()) {
    const uint64_t position = where.position + used;
    const ssize_t got =
        pread(file_.get(), bytes.data() + used, bytes.size() - used,
              static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat("cdb ", path_, ": read at ", position));
    }
    if (got == 0) return Damaged("short read", position);
    used += static_cast<size_t>(got);
  }
  return bytes;
}

absl::StatusOr<std::pair<uint64_t, uint64_t>> Cdb::ReadPair(
    uint64_t position) const {
  const absl::StatusOr<std::string> bytes = Read({position, kPair});
  if (!bytes.ok()) return bytes.status();
  return std::make_pair(Unpack(*bytes),
                        Unpack(absl::string_view(*bytes).substr(4)));
}

absl::Status Cdb::Damaged(absl::string_view what, uint64_t position) const {
  return absl::DataLossError(
      absl::StrCat("cdb ", path_, ": ", what, " at ", position));
}

}  // namespace postern::files
