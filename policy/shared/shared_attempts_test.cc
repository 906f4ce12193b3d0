// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/shared_attempts.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "policy/shared/scripted_store.h"

namespace postern::policy {
namespace {

using Numbers = SharedStore::Numbers;

class SharedAttemptsTest : public testing::Test {
 protected:
  static AttemptLimits::Limits Few() {
    AttemptLimits::Limits limits;
    limits.of_client = 3;
    limits.of_user = 2;
    return limits;
  }

  // Returns what a function answers, at once or later.
  template <typename Question>
  std::optional<bool> Answer(Question question) {
    std::optional<bool> late;
    const std::optional<bool> now = question([&late]() -> AttemptCounter::Done {
      return [&late](bool answer) { late = answer; };
    });
    return now ? now : late;
  }
  std::optional<bool> Begin() {
    return Answer([&](auto later) { return shared_.Begin(client_, 0, later); });
  }
  std::optional<bool> MayTry() {
    return Answer(
        [&](auto later) { return shared_.MayTry(client_, "ann", 0, later); });
  }
  std::optional<bool> Succeeded() {
    return Answer([&](auto later) {
      return shared_.Succeeded(client_, "ann", 0, later);
    });
  }

  std::optional<IpAddress> client_ = IpAddress::Parse("192.0.2.1");
  AttemptLimits local_{Few()};
  ScriptedStore store_;
  SharedAttempts shared_{&local_, &store_};
};

TEST_F(SharedAttemptsTest, AsksTheStoreAndTakesItsAnswer) {
  store_.answers = {Numbers{1}, Numbers{1}, Numbers{1}, Numbers{0}};
  EXPECT_EQ(Begin(), true);
  EXPECT_EQ(MayTry(), true);
  EXPECT_EQ(Succeeded(), true);
  EXPECT_EQ(MayTry(), false);
  shared_.Failed(client_, "ann", 0);
  EXPECT_EQ(store_.asked,
            (std::vector<std::string>{
                "auth:192.0.2.1 auth:192.0.2.1: | begin 3 200000000 2 "
                "300000000",
                "auth:192.0.2.1 auth:192.0.2.1:ann | may try 3 200000000 2 "
                "300000000",
                "auth:192.0.2.1 auth:192.0.2.1:ann | succeeded 3 200000000 2 "
                "300000000",
                "auth:192.0.2.1 auth:192.0.2.1:ann | may try 3 200000000 2 "
                "300000000",
                "auth:192.0.2.1 auth:192.0.2.1:ann | failed 3 200000000 2 "
                "300000000"}));
}

// Otherwise a client would wait at this server for its failures elsewhere.
TEST_F(SharedAttemptsTest, AttemptThatTheStoreRefusesDoesNotCountHere) {
  for (int i = 0; i < 9; ++i) {
    store_.answers = {Numbers{0}};
    EXPECT_EQ(Begin(), false);
  }
  store_.working = false;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Begin(), true);
  EXPECT_EQ(Begin(), false);
}

TEST_F(SharedAttemptsTest, OutageIsNoNewStart) {
  for (int i = 0; i < 2; ++i) {
    store_.answers = {Numbers{1}, Numbers{1}};
    EXPECT_EQ(Begin(), true);
    shared_.Failed(client_, "ann", 0);
  }
  const size_t asked = store_.asked.size();
  store_.working = false;
  EXPECT_EQ(MayTry(), false);
  EXPECT_EQ(Succeeded(), false);
  EXPECT_EQ(Begin(), true);
  EXPECT_EQ(Begin(), false);
  EXPECT_EQ(store_.asked.size(), asked);
}

TEST_F(SharedAttemptsTest, QuestionWithoutAnAnswerIsDecidedHere) {
  for (int i = 0; i < 3; ++i) {
    store_.answers = {absl::DeadlineExceededError("x")};
    EXPECT_EQ(Begin(), true);
  }
  EXPECT_EQ(Begin(), false);  // not asked
  EXPECT_EQ(store_.asked.size(), 3u);
  store_.answers = {absl::UnavailableError("x")};
  EXPECT_EQ(Succeeded(), true);
}

// The reply to a right password must not come before the store has permitted
// it.
TEST_F(SharedAttemptsTest, SuccessWaitsForTheStore) {
  std::optional<bool> answer;
  EXPECT_EQ(shared_.Succeeded(client_, "ann", 0,
                              [&]() -> AttemptCounter::Done {
                                return [&](bool may) { answer = may; };
                              }),
            std::nullopt);
  EXPECT_FALSE(answer);
  std::move(store_.open.front())(Numbers{0});
  EXPECT_EQ(answer, false);
}

TEST_F(SharedAttemptsTest, ExemptClientsAndThoseWithoutAnAddress) {
  client_.reset();
  store_.answers = {Numbers{1}};
  EXPECT_EQ(Begin(), true);  // no bucket of the client
  EXPECT_EQ(store_.asked.size(), 0u);
  EXPECT_EQ(MayTry(), true);
  ASSERT_EQ(store_.asked.size(), 1u);
  EXPECT_EQ(store_.asked[0], "auth:- auth:-:ann | may try 0 0 2 300000000");
  auto limits = Few();
  limits.exempt = *net::NetworkList::Parse({"192.0.2.0/24"});
  AttemptLimits exempt(limits);
  SharedAttempts shared(&exempt, &store_);
  const auto address = IpAddress::Parse("192.0.2.1");
  EXPECT_EQ(Answer([&](auto later) { return shared.Begin(address, 0, later); }),
            true);
  shared.Failed(address, "ann", 0);
  EXPECT_EQ(store_.asked.size(), 1u);
}

TEST_F(SharedAttemptsTest, Ipv6ClientIsItsNetwork) {
  client_ = IpAddress::Parse("2001:db8::1");
  store_.answers = {Numbers{1}};
  EXPECT_EQ(Begin(), true);
  EXPECT_EQ(store_.asked[0],
            "auth:2001:db8::/64 auth:2001:db8::/64: | begin 3 200000000 2 "
            "300000000");
}

}  // namespace
}  // namespace postern::policy
