// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/shared_greylist.h"

#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/shared/scripted_store.h"
#include "system/bounded_run.h"
#include "system/run.h"

namespace postern::policy {
namespace {

using ::testing::ElementsAre;
using Numbers = SharedStore::Numbers;

class LocalTable : public GreylistTable {
 public:
  absl::StatusOr<absl::Duration> Attempt(const GreylistKey&) override {
    done.push_back("attempt");
    return wait;
  }
  absl::Status Pass(const GreylistKey&) override {
    done.push_back("pass");
    return absl::OkStatus();
  }

  absl::StatusOr<absl::Duration> wait = absl::Seconds(10);
  std::vector<std::string> done;
};

class SharedGreylistTest : public testing::Test {
 protected:
  absl::StatusOr<absl::Duration> Attempt() {
    return shared_.Attempt({"192.0.2.0/24", "s@x.example", "u:v@y.example"});
  }

  LocalTable local_;
  ScriptedStore store_;
  SharedGreylist shared_{{.file = "/g", .max_entries = 1000}, &local_, &store_};
};

TEST_F(SharedGreylistTest, BothTablesRecordAndTheStoreAnswers) {
  store_.answers = {Numbers{300}};
  EXPECT_EQ(*Attempt(), absl::Seconds(300));
  EXPECT_THAT(local_.done, ElementsAre("attempt"));
  EXPECT_THAT(store_.asked,
              ElementsAre("grey:192.0.2.0/24 grey | attempt "
                          "s@x.example:u%3av@y.example 300 172800 3024000 5 "
                          "10 1000"));
}

TEST_F(SharedGreylistTest, LocalTableLearnsWhatPasses) {
  store_.answers = {Numbers{0}};
  EXPECT_EQ(*Attempt(), absl::ZeroDuration());
  EXPECT_THAT(local_.done, ElementsAre("pass"));
}

// A store that is new, or has lost its data, does not delay known senders.
TEST_F(SharedGreylistTest, StoreLearnsWhatPassesHere) {
  local_.wait = absl::ZeroDuration();
  store_.answers = {Numbers{300}, Numbers{0}};
  EXPECT_EQ(*Attempt(), absl::ZeroDuration());
  ASSERT_EQ(store_.asked.size(), 2u);
  EXPECT_EQ(store_.asked[1],
            "grey:192.0.2.0/24 grey | pass s@x.example:u%3av@y.example 300 "
            "172800 3024000 5 10 1000");
}

TEST_F(SharedGreylistTest, OutageIsDecidedHere) {
  store_.working = false;
  EXPECT_EQ(*Attempt(), absl::Seconds(10));
  EXPECT_TRUE(store_.asked.empty());
  store_.working = true;
  store_.answers = {absl::DeadlineExceededError("x"), Numbers{}};
  EXPECT_EQ(*Attempt(), absl::Seconds(10));
  EXPECT_EQ(*Attempt(), absl::Seconds(10));
  local_.wait = absl::UnavailableError("disk");
  store_.working = false;
  EXPECT_EQ(Attempt().status(), absl::UnavailableError("disk"));
  store_.working = true;
  store_.answers = {Numbers{300}};
  EXPECT_EQ(*Attempt(), absl::Seconds(300));
}

// The thread that the local table may use is not used by attempts that wait.
TEST_F(SharedGreylistTest, AttemptsThatWaitForTheStoreUseNoThread) {
  std::deque<absl::AnyInvocable<void() &&>> tasks;
  const system::Run run = system::BoundedRun(
      [&](absl::AnyInvocable<void() &&> task) {
        tasks.push_back(std::move(task));
      },
      1);
  const auto run_tasks = [&] {
    while (!tasks.empty()) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      std::move(task)();
    }
  };
  std::vector<absl::Duration> waits;
  const auto attempt = [&] {
    shared_.AttemptLater({"n", "s", "r"}, run,
                         [&](const auto& wait) { waits.push_back(*wait); });
  };
  constexpr size_t kAttempts = 100;
  for (size_t i = 0; i < kAttempts; ++i) attempt();
  EXPECT_EQ(store_.open.size(), kAttempts);
  EXPECT_TRUE(tasks.empty());
  for (SharedStore::Done& done : store_.open) std::move(done)(Numbers{300});
  // The store's thread does not wait for the local table.
  EXPECT_TRUE(local_.done.empty());
  run_tasks();
  EXPECT_EQ(local_.done.size(), kAttempts);
  EXPECT_EQ(waits, std::vector(kAttempts, absl::Seconds(300)));
  store_.working = false;
  attempt();
  run_tasks();
  EXPECT_EQ(waits.back(), absl::Seconds(10));
}

TEST_F(SharedGreylistTest, ReadOnlyRecordsNothing) {
  SharedGreylist reader({.file = "/g"}, &local_, &store_,
                        SharedGreylist::Access::kReadOnly);
  local_.wait = absl::ZeroDuration();
  store_.answers = {Numbers{0}, Numbers{300}};
  EXPECT_EQ(*reader.Attempt({"n", "s", "r"}), absl::ZeroDuration());
  EXPECT_EQ(*reader.Attempt({"n", "s", "r"}), absl::ZeroDuration());
  EXPECT_THAT(store_.asked, ElementsAre(testing::HasSubstr("| read "),
                                        testing::HasSubstr("| read ")));
  EXPECT_THAT(local_.done, ElementsAre("attempt"));
}

}  // namespace
}  // namespace postern::policy
