// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/shared_rates.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/shared/scripted_store.h"

namespace postern::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Numbers = SharedStore::Numbers;
using What = RateLimit::What;

class SharedRatesTest : public testing::Test {
 protected:
  void Limit(std::vector<std::string> limits) {
    std::vector<RateLimit> parsed;
    for (const std::string& each : limits) {
      parsed.push_back(*RateLimit::Parse(each));
    }
    local_ = std::make_unique<RateLimits>(std::move(parsed));
    shared_ = std::make_unique<SharedRates>(local_.get(), &store_);
  }

  std::unique_ptr<RateClaim> Begin() {
    return shared_->Begin({.address = IpAddress::Parse("192.0.2.1"),
                           .user = "ann b",
                           .sender = {"Ann", "x.example"},
                           .may_relay = true});
  }

  // Returns "taken", "refused", "refused first" or "open".
  std::string Take(RateClaim* claim, std::vector<RateClaim::Amount> amounts) {
    std::optional<RateClaim::Answer> late;
    const auto now = claim->Take(amounts, 1, [&late]() -> RateClaim::Done {
      return [&late](RateClaim::Answer answer) { late = answer; };
    });
    if (now) late = now;
    if (!late) return "open";
    if (!late->refusal) return "taken";
    return late->refusal->first ? "refused first" : "refused";
  }

  ScriptedStore store_;
  std::unique_ptr<RateLimits> local_;
  std::unique_ptr<SharedRates> shared_;
};

TEST_F(SharedRatesTest, OneQuestionForAllAmounts) {
  Limit({"user:messages=10/1h", "sender:recipients=20/1d", "user:bytes=1k/12s",
         "client:recipients=5/1m"});
  store_.answers = {Numbers{0, 7, 8, 9, 10}, Numbers{0, 8, 10}};
  {
    const auto claim = Begin();
    EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1},
                                 {What::kBytes, 100},
                                 {What::kRecipients, 1}}),
              "taken");
    EXPECT_EQ(Take(claim.get(), {{What::kRecipients, 1}}), "taken");
    claim->GiveBack(What::kRecipients, 1);
    claim->GiveBack(What::kBytes, 40);
  }
  EXPECT_THAT(
      store_.asked,
      ElementsAre("rate:user:messages:3600:ann%20b rate:user:bytes:12:ann%20b "
                  "rate:sender:recipients:86400:ann@x.example "
                  "rate:client:recipients:60:192.0.2.1 | "
                  "1 10 300000000 100 1024 1000000 1 20 7200000000 1 5 5000000",
                  "rate:sender:recipients:86400:ann@x.example "
                  "rate:client:recipients:60:192.0.2.1 | "
                  "1 20 7200000000 1 5 5000000",
                  "rate:sender:recipients:86400:ann@x.example "
                  "rate:client:recipients:60:192.0.2.1 | 8 1 10 1",
                  "rate:user:bytes:12:ann%20b | 8 40",
                  // What was not kept.
                  "rate:user:messages:3600:ann%20b rate:user:bytes:12:ann%20b "
                  "rate:sender:recipients:86400:ann@x.example "
                  "rate:client:recipients:60:192.0.2.1 | 7 1 8 60 9 1 10 1"));
}

TEST_F(SharedRatesTest, KeptAmountsStay) {
  Limit({"user:messages=10/1h"});
  store_.answers = {Numbers{0, 7}};
  auto claim = Begin();
  EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1}}), "taken");
  claim->Keep();
  claim.reset();
  EXPECT_EQ(store_.asked.size(), 1u);
}

TEST_F(SharedRatesTest, RefusalOfTheStoreTakesNothingHere) {
  Limit({"user:messages=2/1h"});
  store_.answers = {Numbers{1, 1}, Numbers{1, 0}, Numbers{1, 0}};
  const auto claim = Begin();
  EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1}}), "refused first");
  EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1}}), "refused");
  EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1}}), "refused");
  store_.working = false;
  EXPECT_EQ(Take(claim.get(), {{What::kMessages, 2}}), "taken");
  EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1}}), "refused first");
}

// An outage must not let pass what this server has counted already, and a
// client over the limit of this server must not cost the store anything.
TEST_F(SharedRatesTest, LocalLimitsCountAlwaysAndAreAskedFirst) {
  Limit({"user:messages=2/1h"});
  store_.answers = {Numbers{0, 7}, absl::DeadlineExceededError("x")};
  std::vector<std::unique_ptr<RateClaim>> claims;
  for (int i = 0; i < 2; ++i) {
    claims.push_back(Begin());
    EXPECT_EQ(Take(claims.back().get(), {{What::kMessages, 1}}), "taken");
  }
  store_.working = false;
  EXPECT_EQ(Take(Begin().get(), {{What::kMessages, 1}}), "refused first");
  store_.working = true;
  EXPECT_EQ(Take(Begin().get(), {{What::kMessages, 1}}), "refused");
  EXPECT_EQ(store_.asked.size(), 2u);
}

TEST_F(SharedRatesTest, AnswerThatDoesNotFitIsNone) {
  Limit({"user:messages=9/1h"});
  for (const Numbers& numbers :
       {Numbers{}, Numbers{0}, Numbers{0, 1, 2}, Numbers{2, 1}, Numbers{-1}}) {
    store_.answers = {numbers};
    const auto claim = Begin();
    EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1}}), "taken");
    claim->Keep();
  }
}

TEST_F(SharedRatesTest, LimitsOfOneKeyAreOne) {
  Limit({"user:messages=20/1h", "user:messages=10/1h", "user:messages=10/60m",
         "user:messages=30/1d"});
  store_.answers = {Numbers{0, 7, 7}};
  const auto claim = Begin();
  EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1}}), "taken");
  EXPECT_THAT(store_.asked,
              ElementsAre("rate:user:messages:3600:ann%20b "
                          "rate:user:messages:86400:ann%20b | 1 10 300000000 "
                          "1 30 7200000000"));
  claim->Keep();
}

TEST_F(SharedRatesTest, LimitsThatDoNotApplyAskNothing) {
  Limit({"user:messages=20/1h"});
  const auto claim = shared_->Begin({});
  EXPECT_EQ(Take(claim.get(), {{What::kMessages, 1}}), "taken");
  EXPECT_EQ(Take(Begin().get(), {{What::kRecipients, 1}}), "taken");
  EXPECT_THAT(store_.asked, IsEmpty());
}

}  // namespace
}  // namespace postern::policy
