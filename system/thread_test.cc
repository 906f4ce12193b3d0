// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/thread.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "system/refuse_threads.h"

namespace postern::system {
namespace {

TEST(ThreadTest, CallsTheFunctionOnAThreadWithTheName) {
  std::string name;
  std::thread::id id;
  absl::StatusOr<std::thread> thread =
      StartThread("a name that is too long", [&] {
        name = ThreadName();
        id = std::this_thread::get_id();
      });
  ASSERT_TRUE(thread.ok()) << thread.status();
  thread->join();
  EXPECT_EQ(name, "a name that is ");
  EXPECT_NE(id, std::this_thread::get_id());
}

TEST(ThreadTest, TheFunctionMayBeMoveOnly) {
  auto value = std::make_unique<int>(7);
  int seen = 0;
  absl::StatusOr<std::thread> thread =
      StartThread("test", [&seen, value = std::move(value)] { seen = *value; });
  ASSERT_TRUE(thread.ok()) << thread.status();
  thread->join();
  EXPECT_EQ(seen, 7);
}

TEST(ThreadTest, WithoutMoreThreadsTheErrorNamesTheThread) {
  const auto held = std::make_shared<int>(0);
  std::thread([&held] {
    ASSERT_TRUE(RefuseThreads());
    const absl::Status status = StartThread("names", [held] {
                                  FAIL() << "no thread can start";
                                }).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "names")) << status;
  }).join();
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace postern::system
