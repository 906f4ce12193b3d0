// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/faulty_file_system.h"

#include <errno.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace postern::delivery {

void FaultyFileSystem::Reset() {
  nth_ = 0;
  every_.reset();
  calls_.clear();
  hit_.reset();
  most_open_ = paths_.size();
}

void FaultyFileSystem::Fail(size_t n, int error, Fault fault) {
  Reset();
  nth_ = n;
  error_ = error;
  fault_ = fault;
}

void FaultyFileSystem::FailEvery(Op op, int error) {
  Reset();
  every_ = op;
  error_ = error;
}

void FaultyFileSystem::Heal() { Reset(); }

template <typename Real>
ssize_t FaultyFileSystem::Do(Op op, std::string path, Real real) {
  calls_.push_back({op, std::move(path), false});
  const size_t number = calls_.size();
  if (nth_ == number) hit_ = calls_.back();
  const bool fail = every_ == op ||
                    (nth_ == number && fault_ != Fault::kShort) ||
                    (nth_ != 0 && number > nth_ && fault_ == Fault::kFromThere);
  // close() closes the descriptor even if it fails.
  const bool works = !fail || op == Op::kClose ||
                     (nth_ == number && fault_ == Fault::kAfter &&
                      op != Op::kOpen && op != Op::kWrite && op != Op::kCopy);
  const ssize_t result = works ? real() : 0;
  if (fail) return -error_;
  calls_.back().ok = result >= 0;
  return result;
}

size_t FaultyFileSystem::Shorten(size_t size) const {
  const bool now = fault_ == Fault::kShort && nth_ == calls_.size() + 1;
  return now ? std::min<size_t>(size, 1) : size;
}

std::string FaultyFileSystem::PathOf(int directory,
                                     const std::string& name) const {
  const auto at = paths_.find(directory);
  return at == paths_.end() ? name : absl::StrCat(at->second, "/", name);
}

int FaultyFileSystem::OpenAt(int directory, const std::string& name, int flags,
                             mode_t mode) {
  const std::string path = PathOf(directory, name);
  const int fd = static_cast<int>(Do(Op::kOpen, path, [&] {
    return real_.OpenAt(directory, name, flags, mode);
  }));
  if (fd >= 0) {
    paths_[fd] = path;
    most_open_ = std::max(most_open_, paths_.size());
  }
  return fd;
}

ssize_t FaultyFileSystem::Write(int fd, absl::string_view data) {
  data = data.substr(0, Shorten(data.size()));
  return Do(Op::kWrite, paths_[fd], [&] { return real_.Write(fd, data); });
}

ssize_t FaultyFileSystem::Read(int fd, char* data, size_t size,
                               uint64_t offset) {
  size = Shorten(size);
  return Do(Op::kRead, paths_[fd],
            [&] { return real_.Read(fd, data, size, offset); });
}

ssize_t FaultyFileSystem::Copy(int from, uint64_t offset, int to, size_t size) {
  size = Shorten(size);
  return Do(Op::kCopy, paths_[to],
            [&] { return real_.Copy(from, offset, to, size); });
}

int FaultyFileSystem::Fsync(int fd) {
  return static_cast<int>(Do(Op::kFsync, paths_[fd], [&] {
    struct stat open {};
    return real_.Stat(fd, &open);
  }));
}

int FaultyFileSystem::Close(int fd) {
  const std::string path = paths_[fd];
  paths_.erase(fd);
  return static_cast<int>(
      Do(Op::kClose, path, [&] { return real_.Close(fd); }));
}

int FaultyFileSystem::RenameAt(int from_directory, const std::string& from,
                               int to_directory, const std::string& to) {
  return static_cast<int>(Do(Op::kRename, PathOf(to_directory, to), [&] {
    if (lacks_rename_) return -EINVAL;
    return real_.RenameAt(from_directory, from, to_directory, to);
  }));
}

int FaultyFileSystem::LinkAt(int from_directory, const std::string& from,
                             int to_directory, const std::string& to) {
  return static_cast<int>(Do(Op::kLink, PathOf(to_directory, to), [&] {
    return real_.LinkAt(from_directory, from, to_directory, to);
  }));
}

int FaultyFileSystem::UnlinkAt(int directory, const std::string& name) {
  return static_cast<int>(Do(Op::kUnlink, PathOf(directory, name),
                             [&] { return real_.UnlinkAt(directory, name); }));
}

int FaultyFileSystem::Stat(int fd, struct stat* status) {
  return static_cast<int>(
      Do(Op::kStat, paths_[fd], [&] { return real_.Stat(fd, status); }));
}

int FaultyFileSystem::Chown(int fd, uid_t owner, gid_t group) {
  return static_cast<int>(Do(Op::kChown, paths_[fd], [&] {
    owner_.emplace(owner, group);
    return 0;
  }));
}

ssize_t FaultyFileSystem::ReadDirectory(int fd, char* data, size_t size) {
  return Do(Op::kReadDirectory, paths_[fd],
            [&] { return real_.ReadDirectory(fd, data, size); });
}

}  // namespace postern::delivery
