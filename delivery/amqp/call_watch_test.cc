// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/call_watch.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "delivery/amqp/broker.h"
#include "delivery/amqp/queued_message.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// Only Abort() does something: it ends Blocked().
class Connection : public BrokerConnection {
 public:
  absl::Status Publish(const std::string&, const AmqpProperties&,
                       const BrokerBody&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<BrokerEvent>> Next(absl::Duration) override {
    return std::nullopt;
  }
  absl::Status Acknowledge(uint64_t) override { return absl::OkStatus(); }
  absl::Status Requeue(uint64_t) override { return absl::OkStatus(); }
  absl::Status Cancel() override { return absl::OkStatus(); }
  void Wake() override {}
  void Abort() override {
    if (!aborted.exchange(true)) promise_.set_value();
  }

  void Blocked() { promise_.get_future().wait(); }

  std::atomic<bool> aborted = false;

 private:
  std::promise<void> promise_;
};

constexpr std::chrono::milliseconds kShort(5);
constexpr std::chrono::hours kLong(1);

TEST(CallWatchTest, AbortsACallWithoutProgress) {
  Connection connection;
  CallWatch watch(&connection, {.patience = kShort, .interval = kShort});
  ASSERT_TRUE(watch.Start().ok());
  watch.Begin();
  connection.Blocked();
}

TEST(CallWatchTest, AbortsACallAtTheEnd) {
  Connection connection;
  std::atomic<int> asked = 0;
  CallWatch watch(&connection, {.patience = kLong,
                                .interval = kShort,
                                .ended = [&asked] { return ++asked >= 3; }});
  ASSERT_TRUE(watch.Start().ok());
  watch.Begin();
  connection.Blocked();
  EXPECT_GE(asked, 3);
}

TEST(CallWatchTest, AsksOnlyDuringACall) {
  Connection connection;
  std::atomic<int> asked = 0;
  {
    CallWatch watch(&connection, {.patience = kShort,
                                  .interval = kShort,
                                  .ended = [&asked] { return ++asked > 0; }});
    ASSERT_TRUE(watch.Start().ok());
    watch.Begin();
    watch.End();
  }
  EXPECT_EQ(asked, 0);
  EXPECT_FALSE(connection.aborted);
}

}  // namespace
}  // namespace postern::delivery
