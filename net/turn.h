// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How much one connection may do before its event loop serves the others.

#ifndef POSTERN_NET_TURN_H_
#define POSTERN_NET_TURN_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace postern::net {

// Turn counts the work of one connection since its loop came to it, in units:
// each read from the socket, each write to it and each step of its session is
// one unit, and one more for every 4 KiB that it moved. The turn is over after
// kUnits, or after kTime, whichever comes first. Octets alone would be no
// measure: a client that sends TLS records of one octet makes the server work
// for 20 microseconds for each.
//
// The clock is read once in kLook units, so a short turn costs no look at it. A
// unit takes at most some tens of microseconds, so a turn exceeds kTime by well
// under a millisecond.
//
// One object serves all connections of a loop, since one of them is served at a
// time. Thread-compatible.
class Turn {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Clock = Time (*)();

  static constexpr uint64_t kUnits = 512;
  static constexpr std::chrono::milliseconds kTime{1};
  static constexpr uint64_t kLook = 16;
  static constexpr size_t kOctetsOfAUnit = 4096;

  explicit Turn(Clock clock = std::chrono::steady_clock::now) : clock_(clock) {}

  // Begins the turn of another connection, or the next one of the same.
  void Begin(Time now) {
    began_ = now;
    used_ = 0;
    look_ = kLook;
    over_ = false;
  }

  // Counts one read, write or step that moved `octets`.
  void Spend(size_t octets = 0) { Work(1 + octets / kOctetsOfAUnit); }

  // Counts `units`: what ServedSession::Advance() has done.
  void Work(uint64_t units) {
    used_ += units;
    if (used_ < look_) return;
    look_ = used_ + kLook;
    over_ = over_ || used_ >= kUnits || clock_() - began_ >= kTime;
  }

  // Returns whether the connection must let the others go first. Stays so until
  // Begin().
  bool over() const { return over_; }

 private:
  const Clock clock_;
  Time began_{};
  uint64_t used_ = 0;
  uint64_t look_ = kLook;  // the units after which the clock is read next
  bool over_ = false;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TURN_H_
