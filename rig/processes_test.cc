// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/processes.h"

#include <future>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace postern::rig {
namespace {

TEST(ProcessesTest, CommandHasOutputAndExitCode) {
  const Ended ended = RunCommand("printf 'a\\nb'");
  EXPECT_EQ(ended.printed, "a\nb");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(RunCommand("sh -c 'exit 7'").exit_code, 7);
  EXPECT_EQ(RunCommand("sleep 60", absl::Seconds(1)).exit_code, 124);
}

// The kernel keeps a thread in its list for a moment after pthread_join(). Here
// it stays there for longer.
TEST(ProcessesTest, WaitsForTheEndOfThreads) {
  // With the first thread ThreadSanitizer starts one of its own, which stays.
  std::promise<void> end;
  std::thread other([&end] { end.get_future().wait(); });
  const size_t before = CountThreads();
  std::promise<void> begun;
  std::thread thread([&begun] {
    begun.set_value();
    absl::SleepFor(absl::Milliseconds(100));
  });
  begun.get_future().wait();
  EXPECT_EQ(WaitForThreads(before), before);
  thread.join();
  end.set_value();
  other.join();
}

}  // namespace
}  // namespace postern::rig
