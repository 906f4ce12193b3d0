// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/broker.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// The texts are those of RabbitMQ.
TEST(BrokerErrorTest, OnlyWhatAnAdministratorMustChangeIsARefusal) {
  const struct {
    int code;
    absl::string_view text;
    BrokerStep step;
    bool refusal;
  } cases[] = {
      {403, "ACCESS_REFUSED - refused using authentication mechanism PLAIN",
       BrokerStep::kLogin, true},
      {403, "ACCESS_REFUSED - configure access to queue 'mail' refused",
       BrokerStep::kDeclare, true},
      {406, "PRECONDITION_FAILED - inequivalent arg 'x-queue-type'",
       BrokerStep::kDeclare, true},
      {406, "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit'",
       BrokerStep::kDeclare, true},
      {406, "PRECONDITION_FAILED - message size 20 larger than configured max",
       BrokerStep::kUse, true},
      {404,
       "NOT_FOUND - home node 'rabbit@b' of durable queue 'mail' in vhost '/' "
       "is down or inaccessible",
       BrokerStep::kDeclare, false},
      {404, "NOT_FOUND - failed to perform operation on queue 'mail': timeout",
       BrokerStep::kUse, false},
      {530, "NOT_ALLOWED - vhost mail not found", BrokerStep::kLogin, true},
      {530,
       "NOT_ALLOWED - access to vhost '/' refused for user 'postern': "
       "connection limit (10) is reached",
       BrokerStep::kLogin, false},
      {530, "NOT_ALLOWED - something", BrokerStep::kUse, false},
      {541, "INTERNAL_ERROR", BrokerStep::kDeclare, false},
      {320, "CONNECTION_FORCED - broker forced connection closure",
       BrokerStep::kUse, false},
  };
  for (const auto& c : cases) {
    const absl::Status status = BrokerError(c.code, c.text, c.step);
    EXPECT_EQ(IsBrokerRefusal(status), c.refusal) << status;
    EXPECT_EQ(status.message(), "the broker says: " + std::string(c.text));
  }
}

}  // namespace
}  // namespace postern::delivery
