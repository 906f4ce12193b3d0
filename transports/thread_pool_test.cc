// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "gtest/gtest.h"

namespace postern::transports {
namespace {

TEST(ThreadPoolTest, RunsAllThatItIsGivenBeforeItEnds) {
  std::atomic<int> done{0};
  {
    ThreadPool pool;
    ASSERT_TRUE(pool.Start(4).ok());
    for (int i = 0; i < 10000; ++i) pool.Run([&done] { ++done; });
  }
  EXPECT_EQ(done, 10000);
}

TEST(ThreadPoolTest, RunsAlsoWhatIsAddedAtTheEnd) {
  std::atomic<int> done{0};
  {
    ThreadPool pool;
    ASSERT_TRUE(pool.Start(3).ok());
    std::function<void()> again = [&] {
      if (++done < 1000) pool.Run([&] { again(); });
    };
    pool.Run([&] { again(); });
    // `again` must outlive the pool's tasks.
    std::mutex mutex;
    std::condition_variable changed;
    bool met = false;
    pool.Run([&] {
      const std::lock_guard<std::mutex> lock(mutex);
      met = true;
      changed.notify_one();
    });
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return met; });
    while (done < 1000) std::this_thread::yield();
  }
  EXPECT_EQ(done, 1000);
}

TEST(ThreadPoolTest, TasksRunSideBySide) {
  ThreadPool pool;
  ASSERT_TRUE(pool.Start(3).ok());
  // Each of them ends only when all have begun.
  std::mutex mutex;
  std::condition_variable changed;
  int begun = 0;
  int ended = 0;
  for (int i = 0; i < 3; ++i) {
    pool.Run([&] {
      std::unique_lock<std::mutex> lock(mutex);
      ++begun;
      changed.notify_all();
      changed.wait(lock, [&] { return begun == 3; });
      ++ended;
      changed.notify_all();
    });
  }
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return ended == 3; });
  EXPECT_EQ(pool.queued(), 0u);
}

TEST(ThreadPoolTest, CountsWhatRunsAndWhatWaits) {
  std::mutex mutex;
  std::condition_variable changed;
  bool begun = false;
  bool go_on = false;
  ThreadPool pool;
  ASSERT_TRUE(pool.Start(1).ok());
  pool.Run([&] {
    std::unique_lock<std::mutex> lock(mutex);
    begun = true;
    changed.notify_all();
    changed.wait(lock, [&] { return go_on; });
  });
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return begun; });
  pool.Run([] {});
  pool.Run([] {});
  EXPECT_EQ(pool.running(), 1u);
  EXPECT_EQ(pool.queued(), 2u);
  go_on = true;
  changed.notify_all();
}

TEST(ThreadPoolTest, WhatATaskHoldsGoesWithIt) {
  const auto held = std::make_shared<int>(1);
  {
    ThreadPool pool;
    ASSERT_TRUE(pool.Start(1).ok());
    pool.Run([held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace postern::transports
