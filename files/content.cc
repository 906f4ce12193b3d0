// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/content.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "system/descriptor.h"

namespace postern::files {
namespace {

// Reads in steps of this size past what fstat() promised.
constexpr size_t kReadSize = 4096;

}  // namespace

absl::StatusOr<Content> ReadContent(absl::string_view path, size_t max_size) {
  const std::string name(path);
  // O_NONBLOCK: a FIFO must not hold up the greeting for ever.
  const system::Descriptor file(
      open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open() && errno == ENOENT) {
    // The usual case for many a caller, and absl::ErrnoToStatus() spends a
    // tenth of a millisecond on its table of all messages.
    return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  }
  if (!file.is_open()) return absl::ErrnoToStatus(errno, name);
  Content content;
  if (fstat(file.get(), &content.facts) != 0) {
    return absl::ErrnoToStatus(errno, name);
  }
  // A FIFO has nothing to read at the moment, which would pass for an empty
  // list.
  if (S_ISFIFO(content.facts.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is a FIFO, and not a file"));
  }
  const auto too_large = [path, max_size] {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": larger than ", max_size, " octets"));
  };
  if (content.facts.st_size > 0 &&
      static_cast<uint64_t>(content.facts.st_size) > max_size) {
    return too_large();
  }
  std::string& bytes = content.bytes;
  size_t used = 0;
  // One more than the size, so that the end shows in the first read.
  bytes.resize(static_cast<size_t>(content.facts.st_size) + 1);
  while (true) {
    const ssize_t got =
        read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, name);
    if (got == 0) break;
    used += static_cast<size_t>(got);
    // It has grown meanwhile, or it is a device, which has no size.
    if (used > max_size) return too_large();
    // A regular file gives less than was asked for at its end alone. Each
    // session reads all control files: one call less for each counts.
    if (used < bytes.size() && S_ISREG(content.facts.st_mode)) break;
    if (used == bytes.size()) bytes.resize(used + kReadSize);
  }
  bytes.resize(used);
  return content;
}

}  // namespace postern::files
