// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Owns a file descriptor.

#ifndef POSTERN_SYSTEM_DESCRIPTOR_H_
#define POSTERN_SYSTEM_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace postern::system {

// Owns a file descriptor and closes it in the destructor. The result of
// close(2) is ignored: code that must know whether the data reached the disk
// calls fsync(2) first. A negative number means that there is no descriptor, as
// in the results of open(2).
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Reset(); }

  bool is_open() const { return fd_ >= 0; }
  // The number; negative if there is no descriptor.
  int get() const { return fd_; }

  // Closes the current descriptor, if any, and takes ownership of `fd`.
  void Reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) close(old);
  }
  // Gives up ownership: the caller closes the descriptor.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_DESCRIPTOR_H_
