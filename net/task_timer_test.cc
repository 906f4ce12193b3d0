// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/task_timer.h"

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace postern::net {
namespace {

TEST(TaskTimerTest, RunsTasksInTheOrderOfTheirTimes) {
  TaskTimer timer;
  ASSERT_TRUE(timer.Start().ok());
  const auto begin = std::chrono::steady_clock::now();
  std::string order;  // used by the timer's thread
  std::promise<void> done;
  timer.After(absl::Milliseconds(40), [&] {
    order += "c";
    done.set_value();
  });
  timer.After(absl::Milliseconds(20), [&] { order += "b"; });
  timer.After(absl::ZeroDuration(), [&] { order += "a"; });
  done.get_future().wait();
  EXPECT_EQ(order, "abc");
  EXPECT_GE(std::chrono::steady_clock::now() - begin,
            std::chrono::milliseconds(40));
}

TEST(TaskTimerTest, DestroysTasksThatHaveNotRun) {
  const auto held = std::make_shared<int>(0);
  {
    TaskTimer timer;
    ASSERT_TRUE(timer.Start().ok());
    timer.After(absl::Hours(1), [held] { FAIL(); });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TaskTimerTest, AcceptsTasksFromManyThreads) {
  TaskTimer timer;
  ASSERT_TRUE(timer.Start().ok());
  int ran = 0;  // used by the timer's thread
  std::promise<void> done;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 250; ++j) {
        timer.After(absl::Microseconds(j), [&] {
          if (++ran == 1000) done.set_value();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done.get_future().wait();
  EXPECT_EQ(ran, 1000);
}

}  // namespace
}  // namespace postern::net
