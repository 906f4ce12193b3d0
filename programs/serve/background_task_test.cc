// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/background_task.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "system/refuse_threads.h"
#include "system/thread.h"

namespace postern::programs {
namespace {

// A task that runs until the test lets it go.
class Held {
 public:
  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
  }
  void AwaitBegun(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= count; });
  }
  void LetGo() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++allowed_;
    changed_.notify_all();
  }
  int begun() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return begun_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0;
  int allowed_ = 0;
};

void AwaitIdle(const BackgroundTask& task) {
  while (task.running()) std::this_thread::yield();
}

TEST(BackgroundTaskTest, RequestDoesNotWait) {
  Held held;
  BackgroundTask task("test", [&held] { held.Run(); });
  EXPECT_FALSE(task.running());
  ASSERT_TRUE(task.Request().ok());
  EXPECT_TRUE(task.running());
  held.AwaitBegun(1);
  EXPECT_TRUE(task.running());
  held.LetGo();
  AwaitIdle(task);
  EXPECT_EQ(held.begun(), 1);
}

TEST(BackgroundTaskTest, RequestsDuringARunCauseOneMoreRun) {
  Held held;
  BackgroundTask task("test", [&held] { held.Run(); });
  ASSERT_TRUE(task.Request().ok());
  held.AwaitBegun(1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(task.Request().ok());
  EXPECT_EQ(held.begun(), 1);
  held.LetGo();
  held.AwaitBegun(2);
  held.LetGo();
  AwaitIdle(task);
  EXPECT_EQ(held.begun(), 2);
}

TEST(BackgroundTaskTest, RunsOncePerRequest) {
  int runs = 0;
  BackgroundTask task("test", [&runs] { ++runs; });
  for (int i = 1; i <= 100; ++i) {
    ASSERT_TRUE(task.Request().ok());
    AwaitIdle(task);
    EXPECT_EQ(runs, i);
  }
}

TEST(BackgroundTaskTest, WithoutAThreadTheRequestIsAnErrorAndDoesNotRun) {
  std::atomic<int> runs{0};
  BackgroundTask task("test", [&runs] { ++runs; });
  std::thread([&task] {
    ASSERT_TRUE(system::RefuseThreads());
    const absl::Status status = task.Request();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_FALSE(task.running());
  }).join();
  ASSERT_TRUE(task.Request().ok());
  AwaitIdle(task);
  EXPECT_EQ(runs, 1);
}

TEST(BackgroundTaskTest, ARunWithoutMemoryEndsAloneWithAWarning) {
  int runs = 0;
  testing::internal::CaptureStderr();
  {
    BackgroundTask task("test", [&runs] {
      if (++runs == 1) throw std::bad_alloc();
    });
    for (int i = 1; i <= 2; ++i) {
      ASSERT_TRUE(task.Request().ok());
      AwaitIdle(task);
      EXPECT_EQ(runs, i);
    }
  }
  EXPECT_TRUE(absl::StrContains(testing::internal::GetCapturedStderr(),
                                "warning: test: out of memory"));
}

TEST(BackgroundTaskTest, TheThreadHasTheNameOfTheTask) {
  std::string name;
  {
    BackgroundTask task("reload", [&name] { name = system::ThreadName(); });
    ASSERT_TRUE(task.Request().ok());
  }
  EXPECT_EQ(name, "reload");
}

TEST(BackgroundTaskTest, DestructorWaitsForTheTask) {
  int runs = 0;
  {
    BackgroundTask task("test", [&runs] { ++runs; });
    ASSERT_TRUE(task.Request().ok());
  }
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace postern::programs
