// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The content of one message while a filter examines it.

#ifndef POSTERN_DELIVERY_SPOOL_H_
#define POSTERN_DELIVERY_SPOOL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "delivery/file_system.h"

namespace postern::delivery {

// Holds octets in memory, and in a temporary file if there are more than
// kInMemory. The file has no name, so it disappears with the Spool, also if the
// process is killed. It is not durable and need not be: the message has no 250
// yet.
//
// Read() is thread-safe if nothing is appended at the same time.
class Spool {
 public:
  static constexpr size_t kInMemory = size_t{256} << 10;

  // The file is created in `directory`, which must be on a file system that
  // has room for the messages that are examined at one time.
  explicit Spool(std::string directory, FileSystem& files = PosixFileSystem())
      : directory_(std::move(directory)), files_(files) {}
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Returns an error, which names the directory, unless a file can be created
  // in `directory`.
  static absl::Status CheckDirectory(const std::string& directory,
                                     FileSystem& files = PosixFileSystem());

  // Blocks. An error is remembered, and further octets are discarded.
  void Append(absl::string_view octets);

  // Returns the first error of Append(), which names the directory:
  // ResourceExhausted if the disk is full or over quota, otherwise Unavailable.
  const absl::Status& status() const { return status_; }

  uint64_t size() const { return size_; }

  // Copies up to `room` octets, beginning with the one at `offset`, to `to`.
  // Returns their number, which is 0 only at the end or if `room` is 0; or -1
  // if the file cannot be read. Must not be called after an error of Append().
  ssize_t Read(uint64_t offset, char* to, size_t room) const;

 private:
  bool Check(int result);
  void Create();

  const std::string directory_;
  FileSystem& files_;
  std::string memory_;  // everything, unless there is a file
  int file_ = -1;
  uint64_t size_ = 0;
  absl::Status status_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_SPOOL_H_
