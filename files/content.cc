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

// How many bytes are added to the buffer if the file is larger than fstat()
// said.
constexpr size_t kReadSize = 4096;

}  // namespace

absl::StatusOr<Content> ReadContent(absl::string_view path, size_t max_size) {
  const std::string name(path);
  // O_NONBLOCK: opening a FIFO must not block, or a session would get no
  // greeting.
  const system::Descriptor file(
      open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open() && errno == ENOENT) {
    // For many callers this is the usual case, and absl::ErrnoToStatus() takes
    // a tenth of a millisecond to build its table of messages.
    return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  }
  if (!file.is_open()) return absl::ErrnoToStatus(errno, name);
  Content content;
  if (fstat(file.get(), &content.facts) != 0) {
    return absl::ErrnoToStatus(errno, name);
  }
  // Reading a FIFO without a writer returns nothing, which would look like an
  // empty file.
  if (S_ISFIFO(content.facts.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is a FIFO, not a regular file"));
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
  // One more than the size, so that the first read already shows the end.
  bytes.resize(static_cast<size_t>(content.facts.st_size) + 1);
  while (true) {
    const ssize_t got =
        read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, name);
    if (got == 0) break;
    used += static_cast<size_t>(got);
    // The file has grown meanwhile, or it is a device, which has no size.
    if (used > max_size) return too_large();
    // A short read of a regular file means its end. This saves one system call
    // per file, which matters because each session reads all control files.
    if (used < bytes.size() && S_ISREG(content.facts.st_mode)) break;
    if (used == bytes.size()) bytes.resize(used + kReadSize);
  }
  bytes.resize(used);
  return content;
}

}  // namespace postern::files
