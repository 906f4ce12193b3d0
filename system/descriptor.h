// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file descriptor that has one owner.

#ifndef POSTERN_SYSTEM_DESCRIPTOR_H_
#define POSTERN_SYSTEM_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace postern::system {

// Closes its descriptor at its end. It is close(2) without a look at the
// result: code that must know whether the data reached the disk calls fsync(2)
// before. A negative number is no descriptor, as open(2) and others return it.
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
  // The number; negative: none.
  int get() const { return fd_; }

  // Closes what it has, and owns `fd` from now on.
  void Reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) close(old);
  }
  // Gives the descriptor away: the caller closes it.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_DESCRIPTOR_H_
