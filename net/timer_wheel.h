// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Deadlines of many connections, cheap to move.

#ifndef POSTERN_NET_TIMER_WHEEL_H_
#define POSTERN_NET_TIMER_WHEEL_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace postern::net {

class TimerWheel;

// Something that happens at a time. Part of what it happens to; leaves its
// wheel when it is destroyed.
class Timer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer();

 protected:
  // Its time has come. It is not armed any more, and may be armed again or
  // destroyed here.
  virtual void OnTimer() = 0;

  // The time for which it was armed last.
  Time deadline() const { return deadline_; }

 private:
  friend class TimerWheel;

  TimerWheel* wheel_ = nullptr;  // null: not armed
  Timer* next_ = nullptr;        // in its slot
  Timer* previous_ = nullptr;
  uint64_t tick_ = 0;  // the one at which it is looked at
  Time deadline_;
};

// TimerWheel knows which timers are due. Deadlines are met late by up to two
// ticks, never early. Arming costs the same however many there are; a timer
// that is armed anew for a later time, as a connection's is at each command,
// stays in its slot and is looked at there: no work but a store.
//
// Thread-compatible. Must outlive its armed timers.
class TimerWheel {
 public:
  using Time = Timer::Time;
  static constexpr std::chrono::milliseconds kTick{50};

  explicit TimerWheel(Time now) : start_(now) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Has `timer` happen at `deadline`, and not when it was to happen before.
  void Arm(Timer* timer, Time deadline);
  // Has it not happen.
  void Disarm(Timer* timer);

  // Calls OnTimer() of those that are due at `now`, in no order.
  void Advance(Time now);

  // Returns when to call Advance() again, nullopt if no timer is armed. At that
  // time perhaps none is due.
  std::optional<Time> Next() const;

 private:
  static constexpr size_t kSlots = 2048;  // 100 s; later ones come round again

  uint64_t TickOf(Time time) const;
  void Link(Timer* timer, uint64_t tick);
  void Unlink(Timer* timer);

  const Time start_;
  uint64_t tick_ = 0;  // all before are done
  size_t armed_ = 0;
  std::array<Timer*, kSlots> slots_ = {};
  std::array<uint64_t, kSlots / 64> used_ = {};  // a bit for each slot in use
};

}  // namespace postern::net

#endif  // POSTERN_NET_TIMER_WHEEL_H_
