// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Deadlines of many connections that can be moved cheaply.

#ifndef POSTERN_NET_TIMER_WHEEL_H_
#define POSTERN_NET_TIMER_WHEEL_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace postern::net {

class TimerWheel;

// A timer that calls OnTimer() at a deadline. A base class of the object that
// has the deadline. The destructor disarms it.
class Timer {
 public:
  // The clock of deadlines.
  using Time = std::chrono::steady_clock::time_point;

  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer();

 protected:
  // Called when the deadline has passed. The timer is disarmed before the call.
  // It may be armed again or destroyed here.
  virtual void OnTimer() = 0;

  // The time for which it was armed last.
  Time deadline() const { return deadline_; }

 private:
  friend class TimerWheel;

  TimerWheel* wheel_ = nullptr;  // null if not armed
  Timer* next_ = nullptr;        // in the same slot
  Timer* previous_ = nullptr;
  uint64_t tick_ = 0;  // the tick at which the wheel checks it
  Time deadline_;
};

// TimerWheel calls the timers that are due. It calls them up to two ticks after
// the deadline, never before. Arming takes constant time. A timer that is armed
// again for a later time, as a connection's timer is at each command, stays in
// its slot until the wheel checks it there, so that only its deadline is
// stored.
//
// Thread-compatible. Must outlive its armed timers.
class TimerWheel {
 public:
  // The clock of deadlines.
  using Time = Timer::Time;
  // How exact the wheel is.
  static constexpr std::chrono::milliseconds kTick{50};

  // A wheel without timers. `now` is the present time.
  explicit TimerWheel(Time now) : start_(now) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Sets the deadline of `timer`. Replaces an earlier deadline.
  void Arm(Timer* timer, Time deadline);
  // Removes the deadline of `timer`. Does nothing if it is not armed.
  void Disarm(Timer* timer);

  // Calls OnTimer() of the timers that are due at `now`, in no particular
  // order.
  void Advance(Time now);

  // Returns when to call Advance() next, or nullopt if no timer is armed.
  // Perhaps no timer is due at that time.
  std::optional<Time> Next() const;

 private:
  static constexpr size_t kSlots = 2048;  // 100 s; later deadlines need rounds

  uint64_t TickOf(Time time) const;
  void Link(Timer* timer, uint64_t tick);
  void Unlink(Timer* timer);

  const Time start_;
  uint64_t tick_ = 0;  // all earlier ticks are done
  size_t armed_ = 0;
  std::array<Timer*, kSlots> slots_ = {};
  std::array<uint64_t, kSlots / 64> used_ = {};  // a bit for each slot
};

}  // namespace postern::net

#endif  // POSTERN_NET_TIMER_WHEEL_H_
