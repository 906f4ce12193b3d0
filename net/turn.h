// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The limit on how much one connection does before its event loop serves the
// others.

#ifndef POSTERN_NET_TURN_H_
#define POSTERN_NET_TURN_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace postern::net {

// Turn counts the work for one connection since its event loop began to serve
// it. Each read from the socket, each write to it and each step of its session
// is one unit, plus one for every 4 KiB that it moved. The turn is over after
// kUnits or after kTime, whichever comes first. Octets alone do not measure the
// work: a client that sends TLS records of one octet costs 20 microseconds for
// each.
//
// The clock is read once in kLook units, so a short turn does not read it. A
// unit takes at most some tens of microseconds, so a turn exceeds kTime by well
// under a millisecond.
//
// One object serves all connections of a loop, because the loop serves one at a
// time. Thread-compatible.
class Turn {
 public:
  // The time, and the function that returns it.
  using Time = std::chrono::steady_clock::time_point;
  using Clock = Time (*)();

  // A turn ends after `kUnits` units, or after `kTime`. The clock is read after
  // each `kLook` units, and `kOctetsOfAUnit` octets count as one unit more.
  static constexpr uint64_t kUnits = 512;
  static constexpr std::chrono::milliseconds kTime{1};
  static constexpr uint64_t kLook = 16;
  static constexpr size_t kOctetsOfAUnit = 4096;

  // A turn that has not begun. Tests pass a clock of their own.
  explicit Turn(Clock clock = std::chrono::steady_clock::now) : clock_(clock) {}

  // Begins the turn of another connection, or the next turn of the same one.
  void Begin(Time now) {
    began_ = now;
    used_ = 0;
    look_ = kLook;
    over_ = false;
  }

  // Counts one read, write or step that moved `octets`.
  void Spend(size_t octets = 0) { Work(1 + octets / kOctetsOfAUnit); }

  // Counts `units`, the work of one ServedSession::Advance().
  void Work(uint64_t units) {
    used_ += units;
    if (used_ < look_) return;
    look_ = used_ + kLook;
    over_ = over_ || used_ >= kUnits || clock_() - began_ >= kTime;
  }

  // Returns whether the connection must let the others go first. Stays true
  // until Begin().
  bool over() const { return over_; }

 private:
  const Clock clock_;
  Time began_{};
  uint64_t used_ = 0;
  uint64_t look_ = kLook;  // the clock is read at this number of units
  bool over_ = false;
};

}  // namespace postern::net

#endif  // POSTERN_NET_TURN_H_
