// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/timer_wheel.h"

#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace postern::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timer::Time kStart{seconds(1000)};

class Alarm : public Timer {
 public:
  explicit Alarm(std::function<void()> then = [] {}) : then_(std::move(then)) {}
  int times() const { return times_; }

 private:
  void OnTimer() override {
    ++times_;
    then_();
  }

  std::function<void()> then_;
  int times_ = 0;
};

TEST(TimerWheelTest, ATimerIsCalledOnceAndNotEarly) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.Arm(&alarm, kStart + milliseconds(120));
  wheel.Advance(kStart + milliseconds(119));
  EXPECT_EQ(alarm.times(), 0);
  wheel.Advance(kStart + milliseconds(120) + 2 * TimerWheel::kTick);
  EXPECT_EQ(alarm.times(), 1);
  wheel.Advance(kStart + seconds(1000));
  EXPECT_EQ(alarm.times(), 1);
}

TEST(TimerWheelTest, ADeadlineInThePastIsDueAtOnce) {
  TimerWheel wheel(kStart);
  wheel.Advance(kStart + seconds(7));
  Alarm alarm;
  wheel.Arm(&alarm, kStart);
  wheel.Advance(kStart + seconds(7) + TimerWheel::kTick);
  EXPECT_EQ(alarm.times(), 1);
}

TEST(TimerWheelTest, ADisarmedTimerIsNotCalled) {
  TimerWheel wheel(kStart);
  Alarm a, b, c;
  for (Alarm* alarm : {&a, &b, &c}) wheel.Arm(alarm, kStart + seconds(1));
  wheel.Disarm(&b);
  wheel.Disarm(&b);
  wheel.Advance(kStart + seconds(2));
  EXPECT_EQ(a.times() + c.times(), 2);
  EXPECT_EQ(b.times(), 0);
}

TEST(TimerWheelTest, ADestroyedTimerLeavesTheWheel) {
  TimerWheel wheel(kStart);
  auto alarm = std::make_unique<Alarm>();
  wheel.Arm(alarm.get(), kStart + seconds(1));
  alarm.reset();
  EXPECT_EQ(wheel.Next(), std::nullopt);
  wheel.Advance(kStart + seconds(2));
}

TEST(TimerWheelTest, ALaterDeadlineReplacesAnEarlierOne) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.Arm(&alarm, kStart + seconds(1));
  wheel.Arm(&alarm, kStart + seconds(5));
  wheel.Advance(kStart + seconds(4));
  EXPECT_EQ(alarm.times(), 0);
  wheel.Advance(kStart + seconds(6));
  EXPECT_EQ(alarm.times(), 1);
}

TEST(TimerWheelTest, AnEarlierDeadlineReplacesALaterOne) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.Arm(&alarm, kStart + seconds(50));
  wheel.Arm(&alarm, kStart + seconds(1));
  wheel.Advance(kStart + seconds(2));
  EXPECT_EQ(alarm.times(), 1);
  wheel.Advance(kStart + seconds(60));
  EXPECT_EQ(alarm.times(), 1);
}

TEST(TimerWheelTest, ADeadlineMayBeFarAway) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.Arm(&alarm, kStart + std::chrono::hours(4));
  for (int minute = 0; minute < 4 * 60; ++minute) {
    wheel.Advance(kStart + std::chrono::minutes(minute));
    ASSERT_EQ(alarm.times(), 0);
  }
  wheel.Advance(kStart + std::chrono::hours(4) + seconds(1));
  EXPECT_EQ(alarm.times(), 1);
}

TEST(TimerWheelTest, ATimerMayArmItselfAndDestroyOthers) {
  TimerWheel wheel(kStart);
  auto other = std::make_unique<Alarm>();
  auto another = std::make_unique<Alarm>();
  std::vector<Alarm*> chain;
  Alarm first([&] {
    other.reset();
    if (first.times() < 3)
      wheel.Arm(&first, kStart + seconds(first.times() * 2));
  });
  Alarm last([&] { another.reset(); });
  // In the same slot, the destroyed timers are before and after the timer that
  // destroys them.
  wheel.Arm(other.get(), kStart + seconds(1));
  wheel.Arm(&first, kStart + seconds(1));
  wheel.Arm(&last, kStart + seconds(1));
  wheel.Arm(another.get(), kStart + seconds(1));
  wheel.Advance(kStart + seconds(1) + 2 * TimerWheel::kTick);
  EXPECT_EQ(other, nullptr);
  EXPECT_EQ(first.times(), 1);
  EXPECT_EQ(last.times(), 1);
  wheel.Advance(kStart + seconds(10));
  EXPECT_EQ(first.times(), 3);
}

TEST(TimerWheelTest, NextSaysWhenToAdvance) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.Next(), std::nullopt);
  Alarm alarm;
  for (const auto wait : {milliseconds(0), milliseconds(1), milliseconds(3250),
                          milliseconds(99000)}) {
    wheel.Arm(&alarm, kStart + wait);
    ASSERT_NE(wheel.Next(), std::nullopt);
    EXPECT_GE(*wheel.Next(), kStart + wait);
    EXPECT_LE(*wheel.Next(), kStart + wait + TimerWheel::kTick);
    wheel.Disarm(&alarm);
  }
  wheel.Advance(kStart + seconds(100));
  wheel.Arm(&alarm, kStart + seconds(101));
  EXPECT_GE(*wheel.Next(), kStart + seconds(101));
  EXPECT_LE(*wheel.Next(), kStart + seconds(101) + TimerWheel::kTick);
}

TEST(TimerWheelTest, AgreesWithASearchOfAllTimers) {
  std::mt19937 random(1);
  const auto below = [&random](uint32_t n) { return random() % n; };
  Timer::Time now = kStart;
  TimerWheel wheel(now);
  struct Watched {
    std::unique_ptr<Alarm> alarm = std::make_unique<Alarm>();
    std::optional<Timer::Time> due;
    int times = 0;
  };
  std::vector<Watched> all(200);
  for (int step = 0; step < 20000; ++step) {
    Watched& one = all[below(200)];
    switch (below(4)) {
      case 0:
      case 1:
        one.due =
            now + milliseconds(below(4) == 0 ? below(200000) : below(900));
        wheel.Arm(one.alarm.get(), *one.due);
        break;
      case 2:
        one.due.reset();
        wheel.Disarm(one.alarm.get());
        break;
      case 3: {
        now += milliseconds(below(100) == 0 ? below(300000) : below(90));
        wheel.Advance(now);
        for (Watched& each : all) {
          const int happened = each.alarm->times() - each.times;
          each.times = each.alarm->times();
          if (happened > 0) {
            ASSERT_EQ(happened, 1);
            ASSERT_TRUE(each.due);
            ASSERT_LE(*each.due, now);
            each.due.reset();
          } else if (each.due) {
            ASSERT_GT(*each.due + 2 * TimerWheel::kTick, now);
          }
        }
        break;
      }
    }
  }
}

}  // namespace
}  // namespace postern::net
