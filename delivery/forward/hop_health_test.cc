// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_health.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HopHealthTest : public testing::Test {
 protected:
  bool May() { return !health_.Refusal(now_); }
  void Fail(const char* what = "is down") {
    FailAt(HopStage::kGreeting, now_, what);
  }
  void FailAt(HopStage stage, HopDriver::Time began,
              const char* what = "is down") {
    health_.Failed({HopFailure::Kind::kUnreachable, what, ""}, stage, began,
                   now_);
  }
  void Succeed(HopStage stage = HopStage::kGreeting) {
    health_.Succeeded(stage, now_);
  }

  HopHealth health_;
  HopDriver::Time now_{seconds(1000)};
};

TEST_F(HopHealthTest, WorkingServerGetsEveryConnection) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(May());
  Succeed();
  EXPECT_TRUE(May());
}

TEST_F(HopHealthTest, PauseFollowsAFailureThenOneTest) {
  Fail("timeout");
  EXPECT_EQ(health_.Refusal(now_)->what, "timeout");
  now_ += HopHealth::kFirstPause - milliseconds(1);
  EXPECT_FALSE(May());
  now_ += milliseconds(1);
  EXPECT_TRUE(May());   // the test
  EXPECT_FALSE(May());  // all others still fail at once
  Succeed();
  EXPECT_TRUE(May());
  EXPECT_TRUE(May());
}

TEST_F(HopHealthTest, EachFailedTestDoublesThePause) {
  seconds pause = HopHealth::kFirstPause;
  Fail();
  for (int i = 0; i < 10; ++i) {
    now_ += pause - milliseconds(1);
    EXPECT_FALSE(May()) << i;
    now_ += milliseconds(1);
    EXPECT_TRUE(May()) << i;
    now_ += seconds(10);  // the test takes time
    Fail();
    pause = std::min(2 * pause, HopHealth::kLongestPause);
  }
  EXPECT_EQ(pause, HopHealth::kLongestPause);
}

// A hundred connections that were open when the server died are one failure.
TEST_F(HopHealthTest, ManyFailuresAtOnceAreOne) {
  for (int i = 0; i < 100; ++i) Fail();
  now_ += HopHealth::kFirstPause;
  EXPECT_TRUE(May());
}

// Many transactions hang when the server stops. Their timeouts come one after
// another, the last ones when the server works again.
TEST_F(HopHealthTest, AttemptsFromBeforeAChangeDoNotCount) {
  const HopDriver::Time began = now_;
  now_ += std::chrono::minutes(4);
  const HopDriver::Time failed = now_;
  for (int i = 0; i < 9; ++i) {
    FailAt(HopStage::kEnvelope, began);
    now_ += milliseconds(100);
  }
  now_ = failed + HopHealth::kFirstPause;
  EXPECT_TRUE(May());  // the test
  FailAt(HopStage::kEnvelope, began);
  EXPECT_FALSE(May());  // it is still in progress
  Succeed(HopStage::kEnvelope);
  now_ += seconds(1);
  FailAt(HopStage::kEnvelope, began);
  EXPECT_TRUE(health_.works());
  EXPECT_TRUE(May());
  FailAt(HopStage::kEnvelope, now_);
  EXPECT_FALSE(health_.works());
}

TEST_F(HopHealthTest, ServerWorksWhenItPassesTheStageOfItsFailure) {
  FailAt(HopStage::kMessage, now_);
  now_ += HopHealth::kFirstPause;
  EXPECT_TRUE(May());
  Succeed(HopStage::kGreeting);
  EXPECT_FALSE(May());
  Succeed(HopStage::kEnvelope);
  EXPECT_FALSE(May());
  Succeed(HopStage::kMessage);
  EXPECT_TRUE(May());
  EXPECT_TRUE(May());
}

// A test that fails at the greeting does not show that messages are accepted.
TEST_F(HopHealthTest, EarlierFailureDoesNotLowerTheStage) {
  FailAt(HopStage::kEnvelope, now_);
  now_ += HopHealth::kFirstPause;
  EXPECT_TRUE(May());
  FailAt(HopStage::kGreeting, now_);
  now_ += 2 * HopHealth::kFirstPause;
  EXPECT_TRUE(May());
  Succeed(HopStage::kGreeting);
  EXPECT_FALSE(May());
}

// Transactions of connections that authenticated before say nothing about the
// credentials, and would make the next connection try them again.
TEST_F(HopHealthTest, RefusedCredentialsAreAcceptedByANewConnectionAlone) {
  for (const HopStage before : {HopStage::kAuth, HopStage::kMessage}) {
    HopHealth health;
    now_ += seconds(1);
    if (before == HopStage::kMessage) {
      health.Failed({HopFailure::Kind::kTimeout, "hangs", ""}, before, now_,
                    now_);
      now_ += HopHealth::kLongestPause;
    }
    health.Failed({HopFailure::Kind::kCredentials, "refuses", ""},
                  HopStage::kAuth, now_, now_);
    // With XCLIENT a connection that is greeted has not authenticated yet.
    health.Succeeded(HopStage::kGreeting, now_);
    health.Succeeded(HopStage::kEnvelope, now_);
    health.Succeeded(HopStage::kMessage, now_);
    EXPECT_FALSE(health.works());
    EXPECT_TRUE(health.Refusal(now_ + seconds(59)));
    health.Succeeded(HopStage::kAuth, now_);
    EXPECT_EQ(health.works(), before == HopStage::kAuth);
    health.Succeeded(HopStage::kMessage, now_);
    EXPECT_TRUE(health.works());
  }
}

// The server may refuse AUTH because of the client that XCLIENT names.
TEST_F(HopHealthTest, AuthThatFailsForOneClientIsNoFailureOfTheServer) {
  const std::optional<IpAddress> a = IpAddress::Parse("192.0.2.1");
  const std::optional<IpAddress> b = IpAddress::Parse("192.0.2.2");
  for (const HopFailure::Kind kind :
       {HopFailure::Kind::kLogin, HopFailure::Kind::kCredentials}) {
    HopHealth health;
    const HopFailure failure{kind, "refuses", ""};
    seconds pause = kind == HopFailure::Kind::kLogin ? HopHealth::kFirstPause
                                                     : HopHealth::kFirstRefusal;
    for (int i = 0; i < 10; ++i) {
      const HopDriver::Time began = now_;
      now_ += seconds(1);
      health.AuthFailed(failure, a, began, now_);
      // One that began at the same time.
      health.AuthFailed(failure, a, began, now_);
      EXPECT_TRUE(health.works());
      EXPECT_FALSE(health.Refusal(now_));
      EXPECT_FALSE(health.RefusalOf(b, now_));
      EXPECT_FALSE(health.RefusalOf(std::nullopt, now_));
      now_ += pause - milliseconds(1);
      EXPECT_TRUE(health.RefusalOf(a, now_));
      now_ += milliseconds(1);
      EXPECT_FALSE(health.RefusalOf(a, now_));
      pause = std::min(2 * pause, kind == HopFailure::Kind::kLogin
                                      ? HopHealth::kLongestPause
                                      : HopHealth::kLongestRefusal);
    }
    // A success for another one shows that the credentials are right.
    health.AuthFailed(failure, b, now_, now_);
    health.Succeeded(HopStage::kAuth, now_);
    EXPECT_FALSE(health.RefusalOf(a, now_));
    health.AuthFailed(failure, a, now_, now_);
    health.AuthFailed(failure, b, now_, now_);
    EXPECT_TRUE(health.works());
  }
}

// Wrong credentials must cost few attempts, for all clients together.
TEST_F(HopHealthTest, AuthThatFailsForSeveralClientsIsAFailureOfTheServer) {
  const HopFailure failure{HopFailure::Kind::kCredentials, "refuses", ""};
  // A client may have many addresses in one /64 network.
  for (const char* client : {"2001:db8::1", "2001:db8::2", "2001:db8::3"}) {
    health_.AuthFailed(failure, IpAddress::Parse(client), now_, now_);
    EXPECT_TRUE(health_.RefusalOf(IpAddress::Parse("2001:db8::4"), now_));
  }
  EXPECT_TRUE(health_.works());
  health_.AuthFailed(failure, IpAddress::Parse("192.0.2.1"), now_, now_);
  EXPECT_TRUE(health_.works());
  health_.AuthFailed(failure, std::nullopt, now_, now_);
  EXPECT_FALSE(health_.works());
  seconds pause = HopHealth::kFirstRefusal;
  for (int i = 0; i < 10; ++i) {
    now_ += pause - milliseconds(1);
    EXPECT_FALSE(May()) << i;
    now_ += milliseconds(1);
    EXPECT_TRUE(May()) << i;  // the test, for one more client
    Succeed(HopStage::kGreeting);
    health_.AuthFailed(failure,
                       IpAddress::Parse(absl::StrCat("192.0.2.", 100 + i)),
                       now_, now_);
    pause = std::min(2 * pause, HopHealth::kLongestRefusal);
  }
  now_ += pause;
  EXPECT_TRUE(May());
  Succeed(HopStage::kAuth);
  EXPECT_TRUE(health_.works());
}

// It shows nothing about the outage.
TEST_F(HopHealthTest, TestWhoseAuthFailsForItsClientMakesRoomForTheNext) {
  FailAt(HopStage::kMessage, now_);
  now_ += HopHealth::kFirstPause;
  EXPECT_TRUE(May());
  EXPECT_FALSE(May());
  health_.AuthFailed({HopFailure::Kind::kLogin, "later", ""},
                     IpAddress::Parse("192.0.2.1"), now_, now_);
  EXPECT_TRUE(May());
  EXPECT_FALSE(health_.works());
}

TEST_F(HopHealthTest, TestWithoutResultMakesRoomForTheNext) {
  const HopDriver::Time before = now_;
  Fail();
  health_.Ended(before, now_);
  EXPECT_FALSE(May());  // this attempt was not the test
  now_ += HopHealth::kFirstPause;
  const HopDriver::Time test = now_;
  EXPECT_TRUE(May());
  now_ += seconds(3);
  EXPECT_FALSE(May());
  health_.Ended(test, now_);
  EXPECT_TRUE(May());
  EXPECT_FALSE(May());
}

TEST_F(HopHealthTest, AbandonedTestDoesNotBlockTheServerForever) {
  Fail();
  now_ += HopHealth::kFirstPause;
  EXPECT_TRUE(May());
  now_ += std::chrono::minutes(4);
  EXPECT_FALSE(May());
  now_ += std::chrono::minutes(1);
  EXPECT_TRUE(May());
}

}  // namespace
}  // namespace postern::delivery
