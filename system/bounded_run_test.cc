// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/bounded_run.h"

#include <deque>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "gtest/gtest.h"

namespace postern::system {
namespace {

// Keeps the tasks, as a thread pool that is busy does.
struct Pool {
  Run run() {
    return [this](absl::AnyInvocable<void() &&> task) {
      tasks.push_back(std::move(task));
    };
  }
  void RunNext() {
    auto task = std::move(tasks.front());
    tasks.pop_front();
    std::move(task)();
  }
  std::deque<absl::AnyInvocable<void() &&>> tasks;
};

TEST(BoundedRunTest, PassesOnAsManyTasksAsAreAllowed) {
  Pool pool;
  std::string ran;
  system::Run run = BoundedRun(pool.run(), 2);
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) {
    run([&ran, name] { ran += name; });
  }
  EXPECT_EQ(pool.tasks.size(), 2u);
  pool.RunNext();
  EXPECT_EQ(ran, "a");
  EXPECT_EQ(pool.tasks.size(), 2u);  // b, and now c
  run = nullptr;                     // the tasks that wait still run
  while (!pool.tasks.empty()) pool.RunNext();
  EXPECT_EQ(ran, "abcde");
}

TEST(BoundedRunTest, RunsAgainAfterAllTasksHaveEnded) {
  Pool pool;
  int ran = 0;
  const system::Run run = BoundedRun(pool.run(), 1);
  for (int i = 0; i < 3; ++i) {
    run([&ran] { ++ran; });
    EXPECT_EQ(pool.tasks.size(), 1u);
    pool.RunNext();
    EXPECT_EQ(ran, i + 1);
    EXPECT_TRUE(pool.tasks.empty());
  }
}

TEST(BoundedRunTest, ATaskMayAddTasks) {
  std::string ran;
  const system::Run run = BoundedRun(
      [](absl::AnyInvocable<void() &&> task) { std::move(task)(); }, 1);
  run([&] {
    run([&ran] { ran += 'b'; });
    ran += 'a';
  });
  EXPECT_EQ(ran, "ab");
}

TEST(BoundedRunTest, EmptyRunStaysEmpty) {
  EXPECT_FALSE(BoundedRun(nullptr, 8));
}

}  // namespace
}  // namespace postern::system
