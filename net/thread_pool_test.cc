// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "system/refuse_threads.h"
#include "system/thread.h"

namespace postern::net {
namespace {

TEST(ThreadPoolTest, RunsAllTasksBeforeItIsDestroyed) {
  std::atomic<int> done{0};
  {
    ThreadPool pool;
    ASSERT_TRUE(pool.Start(4, "test").ok());
    for (int i = 0; i < 10000; ++i) pool.Run([&done] { ++done; });
  }
  EXPECT_EQ(done, 10000);
}

TEST(ThreadPoolTest, RunsTasksThatAreAddedDuringDestruction) {
  std::atomic<int> done{0};
  {
    ThreadPool pool;
    ASSERT_TRUE(pool.Start(3, "test").ok());
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

TEST(ThreadPoolTest, TasksRunConcurrently) {
  ThreadPool pool;
  ASSERT_TRUE(pool.Start(3, "test").ok());
  // Each task ends only after all have begun.
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

TEST(ThreadPoolTest, CountsRunningAndQueuedTasks) {
  std::mutex mutex;
  std::condition_variable changed;
  bool begun = false;
  bool go_on = false;
  ThreadPool pool;
  ASSERT_TRUE(pool.Start(1, "test").ok());
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

TEST(ThreadPoolTest, DestroysATaskAfterItHasRun) {
  const auto held = std::make_shared<int>(1);
  {
    ThreadPool pool;
    ASSERT_TRUE(pool.Start(1, "test").ok());
    pool.Run([held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(ThreadPoolTest, StartsThreadsWhenThereAreTasksForThem) {
  std::mutex mutex;
  std::condition_variable changed;
  size_t begun = 0;
  bool go_on = false;
  std::set<std::string> names;
  ThreadPool pool;
  ASSERT_TRUE(pool.Start(3, "disk").ok());
  EXPECT_EQ(pool.threads(), 1u);
  std::unique_lock<std::mutex> lock(mutex);
  for (size_t i = 1; i <= 5; ++i) {
    pool.Run([&] {
      std::unique_lock<std::mutex> inner(mutex);
      names.insert(system::ThreadName());
      ++begun;
      changed.notify_all();
      changed.wait(inner, [&] { return go_on; });
      ++begun;
      changed.notify_all();
    });
    const size_t threads = std::min<size_t>(i, 3);
    changed.wait(lock, [&] { return begun == threads; });
    EXPECT_EQ(pool.threads(), threads);
  }
  EXPECT_EQ(names, (std::set<std::string>{"disk 0", "disk 1", "disk 2"}));
  go_on = true;
  changed.notify_all();
  changed.wait(lock, [&] { return begun == 10; });
}

// An idle thread takes the task, so no other thread is started.
TEST(ThreadPoolTest, TasksInSequenceNeedOneThread) {
  ThreadPool pool;
  ASSERT_TRUE(pool.Start(8, "test").ok());
  for (int i = 0; i < 100; ++i) {
    std::atomic<bool> done{false};
    pool.Run([&] { done = true; });
    while (!done || pool.running() > 0) std::this_thread::yield();
  }
  EXPECT_EQ(pool.threads(), 1u);
}

TEST(ThreadPoolTest, WithoutAThreadStartReturnsAnError) {
  std::thread([] {
    ASSERT_TRUE(system::RefuseThreads());
    ThreadPool pool;
    const absl::Status status = pool.Start(2, "disk");
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_EQ(pool.threads(), 0u);
  }).join();
}

TEST(ThreadPoolTest, WithoutMoreThreadsTasksWaitForTheExistingOnes) {
  std::atomic<int> done{0};
  {
    ThreadPool pool;
    ASSERT_TRUE(pool.Start(4, "disk").ok());
    std::thread([&] {
      ASSERT_TRUE(system::RefuseThreads());
      for (int i = 0; i < 100; ++i) pool.Run([&done] { ++done; });
    }).join();
    EXPECT_EQ(pool.threads(), 1u);
  }
  EXPECT_EQ(done, 100);
}

}  // namespace
}  // namespace postern::net
