// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/limits/attempt_limits.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

std::optional<IpAddress> Ip(absl::string_view text) {
  return IpAddress::Parse(text);
}

constexpr int64_t kSecond = 1000000000;

// A client may have three failures, and two for each user, in a minute.
AttemptLimits::Limits Few() {
  AttemptLimits::Limits limits;
  limits.of_client = 3;
  limits.of_user = 2;
  limits.time = absl::Minutes(1);
  return limits;
}

// Makes an attempt with a wrong password. Returns whether the client may try.
bool Fail(AttemptLimits* limits, const char* address, const char* user,
          int64_t now) {
  if (!limits->Begin(Ip(address), now)) return false;
  limits->Failed(Ip(address), user, now);
  return true;
}

TEST(AttemptLimitsTest, StopsAClientThatGuessesPasswords) {
  AttemptLimits limits(Few());
  for (const char* user : {"a", "b", "c"}) {
    EXPECT_TRUE(Fail(&limits, "192.0.2.1", user, 0));
  }
  EXPECT_FALSE(limits.Begin(Ip("192.0.2.1"), 0));
  EXPECT_FALSE(limits.Begin(Ip("::ffff:192.0.2.1"), 0));
  EXPECT_TRUE(limits.Begin(Ip("192.0.2.2"), 0));
  // After a third of the time, one more attempt is possible.
  EXPECT_FALSE(limits.Begin(Ip("192.0.2.1"), 20 * kSecond - 1));
  EXPECT_TRUE(limits.Begin(Ip("192.0.2.1"), 20 * kSecond));
  EXPECT_FALSE(limits.Begin(Ip("192.0.2.1"), 20 * kSecond));
}

TEST(AttemptLimitsTest, NetworkOfIpv6IsOneClient) {
  AttemptLimits limits(Few());
  for (int i = 0; i < 3; ++i) {
    const std::string address = absl::StrCat("2001:db8::", i);
    EXPECT_TRUE(Fail(&limits, address.c_str(), address.c_str(), 0));
  }
  EXPECT_FALSE(limits.Begin(Ip("2001:db8::ffff"), 0));
  EXPECT_TRUE(limits.Begin(Ip("2001:db8:0:1::"), 0));
}

TEST(AttemptLimitsTest, RightGuessLooksWrongAfterTooManyFailures) {
  AttemptLimits limits(Few());
  EXPECT_TRUE(Fail(&limits, "192.0.2.1", "a", 0));
  EXPECT_TRUE(Fail(&limits, "192.0.2.1", "a", 0));
  ASSERT_TRUE(limits.Begin(Ip("192.0.2.1"), 0));
  EXPECT_FALSE(limits.Succeeded(Ip("192.0.2.1"), "a", 0));
  // The attempt has counted.
  EXPECT_FALSE(limits.Begin(Ip("192.0.2.1"), 0));
  // Another client may succeed, and the same client a little later.
  ASSERT_TRUE(limits.Begin(Ip("192.0.2.2"), 0));
  EXPECT_TRUE(limits.Succeeded(Ip("192.0.2.2"), "a", 0));
  ASSERT_TRUE(limits.Begin(Ip("192.0.2.1"), 30 * kSecond));
  EXPECT_TRUE(limits.Succeeded(Ip("192.0.2.1"), "a", 30 * kSecond));
}

TEST(AttemptLimitsTest, MayTryPredictsSucceeded) {
  AttemptLimits limits(Few());
  EXPECT_TRUE(Fail(&limits, "192.0.2.1", "a", 0));
  EXPECT_TRUE(limits.MayTry(Ip("192.0.2.1"), "a", 0));
  EXPECT_TRUE(Fail(&limits, "192.0.2.1", "a", 0));
  EXPECT_FALSE(limits.MayTry(Ip("192.0.2.1"), "a", 0));
  EXPECT_TRUE(limits.MayTry(Ip("192.0.2.1"), "b", 0));
  EXPECT_TRUE(limits.MayTry(Ip("192.0.2.2"), "a", 0));
  EXPECT_TRUE(limits.MayTry(Ip("192.0.2.1"), "a", 30 * kSecond));
}

TEST(AttemptLimitsTest, SuccessOfAnExemptNeighbourGivesNothingBack) {
  AttemptLimits::Limits few = Few();
  auto exempt = net::NetworkList::Parse({"2001:db8::1/128"});
  ASSERT_TRUE(exempt.ok());
  few.exempt = *std::move(exempt);
  AttemptLimits limits(few);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(Fail(&limits, "2001:db8::2", "a", 0));
    EXPECT_TRUE(limits.Begin(Ip("2001:db8::1"), 0));
    EXPECT_TRUE(limits.Succeeded(Ip("2001:db8::1"), "a", 0));
  }
  EXPECT_FALSE(limits.Begin(Ip("2001:db8::2"), 0));
}

TEST(AttemptLimitsTest, SuccessResetsTheFailuresForTheUser) {
  AttemptLimits limits(Few());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(limits.Begin(Ip("192.0.2.1"), 0));
    EXPECT_TRUE(limits.Succeeded(Ip("192.0.2.1"), "a", 0));
  }
  EXPECT_TRUE(Fail(&limits, "192.0.2.1", "a", 0));
  ASSERT_TRUE(limits.Begin(Ip("192.0.2.1"), 0));
  EXPECT_TRUE(limits.Succeeded(Ip("192.0.2.1"), "a", 0));
  // The success resets the failures for the user, but not the client's.
  EXPECT_TRUE(Fail(&limits, "192.0.2.1", "a", 0));
  ASSERT_TRUE(limits.Begin(Ip("192.0.2.1"), 0));
  EXPECT_TRUE(limits.Succeeded(Ip("192.0.2.1"), "a", 0));
  EXPECT_TRUE(Fail(&limits, "192.0.2.1", "b", 0));
  EXPECT_FALSE(limits.Begin(Ip("192.0.2.1"), 0));
}

// These clients cannot be distinguished: one would lock out the others.
TEST(AttemptLimitsTest, ClientsWithoutAnAddressHaveOnlyTheLimitOfAUser) {
  AttemptLimits limits(Few());
  for (const char* user : {"a", "b", "c", "d", "a"}) {
    EXPECT_TRUE(Fail(&limits, "", user, 0));
  }
  ASSERT_TRUE(limits.Begin(Ip(""), 0));
  EXPECT_FALSE(limits.MayTry(Ip(""), "a", 0));
  EXPECT_FALSE(limits.Succeeded(Ip(""), "a", 0));
  ASSERT_TRUE(limits.Begin(Ip(""), 0));
  EXPECT_TRUE(limits.Succeeded(Ip(""), "b", 0));
  // Clients with addresses are not locked out.
  ASSERT_TRUE(limits.Begin(Ip("192.0.2.1"), 0));
  EXPECT_TRUE(limits.Succeeded(Ip("192.0.2.1"), "a", 0));
}

TEST(AttemptLimitsTest, AttemptsWithoutADecisionCount) {
  AttemptLimits limits(Few());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.Begin(Ip("192.0.2.1"), 0));
  EXPECT_FALSE(limits.Begin(Ip("192.0.2.1"), 0));
}

TEST(AttemptLimitsTest, LocksNoClientOutForLong) {
  AttemptLimits limits(Few());
  for (int i = 0; i < 100; ++i) limits.Failed(Ip("192.0.2.1"), "a", 0);
  ASSERT_TRUE(limits.Begin(Ip("192.0.2.1"), 90 * kSecond));
  EXPECT_TRUE(limits.Succeeded(Ip("192.0.2.1"), "a", 90 * kSecond));
}

TEST(AttemptLimitsTest, ZeroAndExemptMeanNoLimit) {
  AttemptLimits::Limits none = Few();
  none.of_client = 0;
  none.of_user = 0;
  AttemptLimits limits(none);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(Fail(&limits, "192.0.2.1", "a", 0));
  }
  EXPECT_TRUE(limits.Succeeded(Ip("192.0.2.1"), "a", 0));
  EXPECT_EQ(limits.size(), 0);

  AttemptLimits::Limits exempt = Few();
  exempt.exempt = *net::NetworkList::Parse({"192.0.2.0/24"});
  AttemptLimits trusting(exempt);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(Fail(&trusting, "192.0.2.1", "a", 0));
  }
  ASSERT_TRUE(trusting.Begin(Ip("192.0.2.1"), 0));
  EXPECT_TRUE(trusting.Succeeded(Ip("192.0.2.1"), "a", 0));
  EXPECT_TRUE(Fail(&trusting, "192.0.3.1", "a", 0));
  EXPECT_EQ(trusting.size(), 2);
}

TEST(AttemptLimitsTest, RemovesFullBuckets) {
  AttemptLimits::Limits limits = Few();
  limits.remembered = 100;
  AttemptLimits some(limits);
  for (int i = 0; i < 1000; ++i) {
    Fail(&some, absl::StrCat("192.0.", i / 250, ".", i % 250).c_str(), "a", 0);
    EXPECT_LE(some.size(), 100);
  }
  for (int i = 0; i < 200; ++i) {
    Fail(&some, absl::StrCat("198.51.100.", i).c_str(), "a",
         (100 + 100 * i) * kSecond);
  }
  EXPECT_LE(some.size(), 6);
}

}  // namespace
}  // namespace postern::policy
