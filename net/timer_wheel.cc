// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/timer_wheel.h"

#include <algorithm>
#include <utility>

namespace postern::net {
namespace {

// Returns the number of zeros below the lowest set bit of `bits`, which is not
// 0.
uint64_t CountZeros(uint64_t bits) {
  return static_cast<uint64_t>(__builtin_ctzll(bits));
}

}  // namespace

Timer::~Timer() {
  if (wheel_ != nullptr) wheel_->Disarm(this);
}

// Returns the first tick that is not before `time`.
uint64_t TimerWheel::TickOf(Time time) const {
  if (time <= start_) return 0;
  const auto since =
      std::chrono::ceil<std::chrono::milliseconds>(time - start_);
  return static_cast<uint64_t>((since.count() + kTick.count() - 1) /
                               kTick.count());
}

void TimerWheel::Arm(Timer* timer, Time deadline) {
  timer->deadline_ = deadline;
  // At most kSlots - 2 ticks ahead, so that it cannot be the slot that
  // Advance() empties.
  const uint64_t tick = std::clamp(TickOf(deadline), tick_, tick_ + kSlots - 2);
  if (timer->wheel_ != nullptr) {
    if (timer->tick_ <= tick) return;  // Advance() checks and moves it there
    Unlink(timer);
  }
  Link(timer, tick);
}

void TimerWheel::Disarm(Timer* timer) {
  if (timer->wheel_ != nullptr) Unlink(timer);
}

void TimerWheel::Link(Timer* timer, uint64_t tick) {
  Timer*& slot = slots_[tick % kSlots];
  timer->wheel_ = this;
  timer->tick_ = tick;
  timer->previous_ = nullptr;
  timer->next_ = slot;
  if (slot != nullptr) slot->previous_ = timer;
  slot = timer;
  used_[tick % kSlots / 64] |= uint64_t{1} << (tick % 64);
  ++armed_;
}

void TimerWheel::Unlink(Timer* timer) {
  if (timer->previous_ != nullptr) {
    timer->previous_->next_ = timer->next_;
  } else {
    const uint64_t slot = timer->tick_ % kSlots;
    slots_[slot] = timer->next_;
    if (timer->next_ == nullptr) {
      used_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
    }
  }
  if (timer->next_ != nullptr) timer->next_->previous_ = timer->previous_;
  timer->wheel_ = nullptr;
  timer->next_ = timer->previous_ = nullptr;
  --armed_;
}

void TimerWheel::Advance(Time now) {
  if (now < start_) return;
  const uint64_t end = static_cast<uint64_t>((now - start_) / kTick) + 1;
  while (tick_ < end && armed_ > 0) {
    // OnTimer() may arm and disarm any timer, but none that it arms enters this
    // slot: Arm() uses tick_ or later ticks.
    Timer*& slot = slots_[tick_++ % kSlots];
    while (Timer* timer = slot) {
      Unlink(timer);
      if (timer->deadline_ <= now) {
        timer->OnTimer();
      } else {
        Arm(timer, timer->deadline_);
      }
    }
  }
  tick_ = std::max(tick_, end);
}

std::optional<TimerWheel::Time> TimerWheel::Next() const {
  if (armed_ == 0) return std::nullopt;
  uint64_t tick = tick_;
  while (true) {
    const uint64_t rest = used_[tick % kSlots / 64] >> (tick % 64);
    if (rest != 0) return start_ + (tick + CountZeros(rest)) * kTick;
    tick += 64 - tick % 64;
  }
}

}  // namespace postern::net
