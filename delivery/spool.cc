// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace postern::delivery {

Spool::~Spool() {
  // A file without a name, whose content is not needed any more: an error
  // changes nothing.
  if (file_ >= 0) (void)files_.Close(file_);
}

bool Spool::Check(int result) {
  if (result >= 0) return true;
  const std::string what =
      absl::StrCat("temporary file in ", directory_, ": ", strerror(-result));
  const bool full = result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
  status_ =
      full ? absl::ResourceExhaustedError(what) : absl::UnavailableError(what);
  return false;
}

void Spool::Create() {
  const int file =
      OpenFile(files_, AT_FDCWD, directory_, O_TMPFILE | O_RDWR, 0600);
  if (Check(file)) file_ = file;
}

absl::Status Spool::CheckDirectory(const std::string& directory,
                                   FileSystem& files) {
  Spool spool(directory, files);
  spool.Create();
  return spool.status();
}

void Spool::Append(absl::string_view octets) {
  size_ += octets.size();
  if (!status_.ok()) return;
  if (file_ < 0 && memory_.size() + octets.size() <= kInMemory) {
    memory_.append(octets.data(), octets.size());
    return;
  }
  if (file_ < 0) {
    Create();
    if (!status_.ok() || !Check(WriteAll(files_, file_, memory_))) return;
    std::string().swap(memory_);
  }
  Check(WriteAll(files_, file_, octets));
}

ssize_t Spool::Read(uint64_t offset, char* to, size_t room) const {
  if (offset >= size_) return 0;
  room = static_cast<size_t>(std::min<uint64_t>(room, size_ - offset));
  if (file_ < 0) {
    memory_.copy(to, room, static_cast<size_t>(offset));
    return static_cast<ssize_t>(room);
  }
  ssize_t count = 0;
  do {
    count = files_.Read(file_, to, room, offset);
  } while (count == -EINTR);
  // An end before size_ means that the file is damaged.
  return count <= 0 && room > 0 ? -1 : count;
}

}  // namespace postern::delivery
