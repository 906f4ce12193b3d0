// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/limits/rate_limits.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using What = RateLimit::What;

constexpr int64_t kSecond = 1000 * 1000 * 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;

// A claim of a RateLimits, whose answers are given at once.
class Claim {
 public:
  Claim(std::unique_ptr<RateClaim> claim) : claim_(std::move(claim)) {}

  std::optional<RateClaim::Refusal> Take(What what, uint64_t n, int64_t now) {
    const RateClaim::Amount amount = {what, n};
    const auto answer = claim_->Take({&amount, 1}, now,
                                     []() -> RateClaim::Done { std::abort(); });
    return answer->refusal;
  }
  void GiveBack(What what, uint64_t n) { claim_->GiveBack(what, n); }
  void Keep() { claim_->Keep(); }

 private:
  std::unique_ptr<RateClaim> claim_;
};

RateLimit Limit(absl::string_view text) {
  auto limit = RateLimit::Parse(text);
  EXPECT_TRUE(limit.ok()) << text << ": " << limit.status();
  return *limit;
}

RateSubject Client(absl::string_view address) {
  return {.address = IpAddress::Parse(address)};
}
RateSubject User(std::string name) {
  return {.address = IpAddress::Parse("192.0.2.1"),
          .user = std::move(name),
          .may_relay = true};
}

// Takes one by one and keeps them. Returns how many were taken of `n`.
int Take(RateLimits* limits, const RateSubject& subject, int n,
         int64_t now = kHour, What what = What::kRecipients) {
  int taken = 0;
  for (int i = 0; i < n; ++i) {
    Claim claim = limits->Begin(subject);
    if (!claim.Take(what, 1, now)) ++taken;
    claim.Keep();
  }
  return taken;
}

TEST(RateLimitTest, ParsesAndPrints) {
  const struct {
    absl::string_view text;
    absl::string_view amount;
  } cases[] = {
      {"user:recipients=200/1h", "200 recipients in 1 hour"},
      {"client:messages=1/d", "1 message in 1 day"},
      {"sender:bytes=1M/30m", "1048576 bytes in 30 minutes"},
      {"sender-domain:bytes=2k/90s", "2048 bytes in 90 seconds"},
      {"client:bytes=1G/120m", "1073741824 bytes in 2 hours"},
      {"client:messages=5/31d", "5 messages in 31 days"},
      {"client:messages=5/s", "5 messages in 1 second"},
  };
  for (const auto& c : cases) {
    const RateLimit limit = Limit(c.text);
    EXPECT_EQ(limit.Amount(), c.amount);
    EXPECT_EQ(RateWhoName(limit.who), c.text.substr(0, c.text.find(':')));
  }
}

TEST(RateLimitTest, ErrorSaysWhatIsWrong) {
  constexpr absl::string_view kForm =
      "not WHO:WHAT=N/TIME, as in user:recipients=200/1h";
  const struct {
    absl::string_view text;
    absl::string_view error;
  } cases[] = {
      {"", kForm},
      {"user", kForm},
      {"user:recipients", kForm},
      {"user:recipients=200", kForm},
      {"user=recipients:200/1h", kForm},
      {"users:recipients=2/1h",
       "client, user, sender or sender-domain, not \"users\""},
      {"user:mails=2/1h", "messages, recipients or bytes, not \"mails\""},
      {"user:recipients=0/1h", "not a number above 0: \"0\""},
      {"user:recipients=/1h", "not a number above 0: \"\""},
      {"user:recipients=1k/1h", "not a number above 0: \"1k\""},
      {"user:bytes=999999999999999G/1h",
       "not a number above 0: \"999999999999999G\""},
      {"user:bytes=1/1",
       "not a time of at most 31 days, such as 1h or 30m: \"1\""},
      {"user:bytes=1/",
       "not a time of at most 31 days, such as 1h or 30m: \"\""},
      {"user:bytes=1/0h",
       "not a time of at most 31 days, such as 1h or 30m: \"0h\""},
      {"user:bytes=1/32d",
       "not a time of at most 31 days, such as 1h or 30m: \"32d\""},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(RateLimit::Parse(c.text).status().message(), c.error) << c.text;
  }
}

TEST(RateLimitsTest, AllowsNoMoreThanTheLimitAndAgainAfterItsTime) {
  RateLimits limits({Limit("user:recipients=10/1h")});
  EXPECT_EQ(Take(&limits, User("ann"), 20, kHour), 10);
  EXPECT_EQ(Take(&limits, User("bob"), 20, kHour), 10);
  EXPECT_EQ(Take(&limits, User("ann"), 20, 2 * kHour), 0);
  EXPECT_EQ(Take(&limits, User("ann"), 20, 2 * kHour + 5 * kMinute), 10);
}

TEST(RateLimitsTest, ClockThatGoesBackGivesNothing) {
  RateLimits limits({Limit("user:recipients=10/1h")});
  EXPECT_EQ(Take(&limits, User("ann"), 20, 5 * kHour), 10);
  EXPECT_EQ(Take(&limits, User("ann"), 20, 0), 0);
  EXPECT_EQ(Take(&limits, User("ann"), 20, 5 * kHour), 0);
}

TEST(RateLimitsTest, SubjectsAreCountedSeparately) {
  const struct {
    absl::string_view limit;
    RateSubject first;
    RateSubject second;
    bool same;
  } cases[] = {
      {"client:messages=1/h", Client("192.0.2.1"), Client("192.0.2.1"), true},
      {"client:messages=1/h", Client("192.0.2.1"), Client("192.0.2.2"), false},
      {"client:messages=1/h", Client("2001:db8::1"), Client("2001:db8::2"),
       true},
      // A user and a relay client are clients, too.
      {"client:messages=1/h", Client("192.0.2.1"), User("ann"), true},
      {"user:messages=1/h", User("ann"), User("ann"), true},
      {"user:messages=1/h", User("ann"), User("bob"), false},
      {"sender:messages=1/h",
       {.sender = {"Ann", "X.example"}, .may_relay = true},
       {.address = IpAddress::Parse("192.0.2.1"),
        .sender = {"ann", "x.example"},
        .may_relay = true},
       true},
      {"sender:messages=1/h",
       {.sender = {"ann", "x.example"}, .may_relay = true},
       {.sender = {"bob", "x.example"}, .may_relay = true},
       false},
      {"sender-domain:messages=1/h",
       {.sender = {"ann", "x.example"}, .may_relay = true},
       {.sender = {"bob", "X.example"}, .may_relay = true},
       true},
      // A stranger cannot use up the limit of another client.
      {"sender:messages=1/h",
       {.address = IpAddress::Parse("192.0.2.1"), .sender = {"ann", "x"}},
       {.address = IpAddress::Parse("192.0.2.2"), .sender = {"ann", "x"}},
       false},
      {"sender-domain:messages=1/h",
       {.address = IpAddress::Parse("192.0.2.1"), .sender = {"ann", "x"}},
       {.address = IpAddress::Parse("192.0.2.2"),
        .sender = {"ann", "x"},
        .may_relay = true},
       false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(&c - cases);
    RateLimits limits({Limit(c.limit)});
    EXPECT_EQ(Take(&limits, c.first, 2, kHour, What::kMessages), 1);
    EXPECT_EQ(Take(&limits, c.second, 2, kHour, What::kMessages),
              c.same ? 0 : 1);
  }
}

TEST(RateLimitsTest, SomeSubjectsHaveNoLimit) {
  RateLimits limits(
      {Limit("client:recipients=1/h"), Limit("sender:recipients=1/h"),
       Limit("sender-domain:recipients=1/h"), Limit("user:recipients=5/h")},
      *net::NetworkList::Parse({"198.51.100.0/24"}));
  const Path sender = {"s", "x.example"};
  EXPECT_EQ(Take(&limits, {.sender = {}}, 9), 9);  // no address, null sender
  EXPECT_EQ(
      Take(&limits,
           {.address = IpAddress::Parse("198.51.100.1"), .sender = sender}, 9),
      9);
  EXPECT_EQ(Take(&limits,
                 {.address = IpAddress::Parse("192.0.2.1"),
                  .sender = sender,
                  .exempt = true},
                 9),
            9);
  // A user has a limit wherever the client is.
  EXPECT_EQ(Take(&limits,
                 {.address = IpAddress::Parse("198.51.100.1"),
                  .user = "ann",
                  .sender = sender,
                  .exempt = true},
                 9),
            5);
  EXPECT_EQ(
      Take(&limits,
           {.address = IpAddress::Parse("192.0.2.1"), .sender = sender}, 9),
      1);
}

TEST(RateLimitsTest, RefusedAndReturnedOnesAreNotCounted) {
  RateLimits limits({Limit("user:recipients=10/1h"),
                     Limit("client:recipients=4/1h"),
                     Limit("user:messages=2/1h")});
  {
    Claim claim = limits.Begin(User("ann"));
    EXPECT_FALSE(claim.Take(What::kRecipients, 4, 0));
    // The second limit refuses, and the first one has its part back.
    const auto refusal = claim.Take(What::kRecipients, 1, 0);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->limit->who, RateLimit::Who::kClient);
    EXPECT_FALSE(claim.Take(What::kMessages, 1, 0));
    claim.GiveBack(What::kRecipients, 1);
    EXPECT_FALSE(claim.Take(What::kRecipients, 1, 0));
    EXPECT_TRUE(claim.Take(What::kRecipients, 1, 0));
  }  // not kept
  {
    Claim claim = limits.Begin(User("ann"));
    EXPECT_FALSE(claim.Take(What::kRecipients, 3, 0));
    claim.GiveBack(What::kRecipients, 2);
    claim.Keep();
  }
  EXPECT_EQ(Take(&limits, User("ann"), 9, 0), 3);
  EXPECT_EQ(Take(&limits, User("ann"), 9, 0, What::kMessages), 2);
  EXPECT_EQ(limits.size(), 3u);
}

TEST(RateLimitsTest, ReturnAfterTheTimeGivesNothingMore) {
  RateLimits limits({Limit("user:recipients=10/1h")});
  {
    Claim claim = limits.Begin(User("ann"));
    EXPECT_FALSE(claim.Take(What::kRecipients, 10, kHour));
    EXPECT_EQ(Take(&limits, User("ann"), 20, 4 * kHour), 10);
  }
  EXPECT_EQ(Take(&limits, User("ann"), 20, 4 * kHour), 0);
}

TEST(RateLimitsTest, MoreThanTheLimitAtOnceNeverPasses) {
  RateLimits limits({Limit("user:bytes=1k/1h")});
  Claim claim = limits.Begin(User("ann"));
  EXPECT_TRUE(claim.Take(What::kBytes, 1025, 0));
  EXPECT_TRUE(claim.Take(What::kBytes, UINT64_MAX, 0));
  EXPECT_FALSE(claim.Take(What::kBytes, 1024, 0));
}

TEST(RateLimitsTest, FirstRefusalInTheTimeIsMarked) {
  RateLimits limits({Limit("user:recipients=1/1h")});
  int marked = 0;
  for (int64_t now = kHour; now < 11 * kHour; now += kMinute) {
    Claim claim = limits.Begin(User("ann"));
    const auto refusal = claim.Take(What::kRecipients, 1, now);
    if (refusal && refusal->first) ++marked;
    claim.Keep();
  }
  EXPECT_GE(marked, 9);
  EXPECT_LE(marked, 10);
}

TEST(RateLimitsTest, NumberOfStoredSubjectsIsLimited) {
  RateLimits limits({Limit("user:recipients=1/1h")}, {}, /*remembered=*/100);
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(Take(&limits, User(absl::StrCat(i)), 2, kHour), 1);
    ASSERT_LE(limits.size(), 100u);
  }
  EXPECT_EQ(Take(&limits, User("4999"), 1, kHour), 0);
  EXPECT_EQ(Take(&limits, User("0"), 1, kHour), 1);
}

TEST(RateLimitsTest, IdleSubjectsAreRemoved) {
  RateLimits limits({Limit("user:recipients=1/1m")});
  size_t most = 0;
  for (int i = 0; i < 20000; ++i) {
    (void)Take(&limits, User(absl::StrCat(i)), 1, i * kSecond / 10);
    most = std::max(most, limits.size());
  }
  EXPECT_LE(most, 1500u);  // 650 in 65 seconds
}

// In no window of the limit's time are there more than the limit; and what is
// refused would have exceeded the limit within 13/12 of its time.
TEST(RateLimitsTest, NeverMoreInAnyWindowAndNoStarvation) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](int64_t n) {
      return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
    };
    const int64_t seconds = 1 + below(100);
    const int64_t most = 1 + below(40);
    const int64_t time = seconds * kSecond;
    RateLimits limits(
        {Limit(absl::StrCat("user:bytes=", most, "/", seconds, "s"))});
    std::deque<std::pair<int64_t, int64_t>> taken;  // time, number
    const auto sum = [&](int64_t since) {
      int64_t total = 0;
      for (const auto& [at, n] : taken) total += at >= since ? n : 0;
      return total;
    };
    int64_t now = 0;
    for (int step = 0; step < 3000; ++step) {
      now += below(4) == 0 ? below(time / 4) : below(kSecond / 100);
      const int64_t n = 1 + below(most);
      Claim claim = limits.Begin(User("ann"));
      const bool refused =
          claim.Take(What::kBytes, static_cast<uint64_t>(n), now).has_value();
      if (!refused && below(4) == 0) continue;  // returned
      if (!refused) {
        claim.Keep();
        taken.emplace_back(now, n);
        ASSERT_LE(sum(now - time), most) << step;
      } else {
        ASSERT_GT(sum(now - time - time / 12 - 1000) + n, most) << step;
      }
    }
  }
}

TEST(RateLimitsTest, ThreadsNeverGetMoreThanTheLimit) {
  RateLimits limits({Limit("user:recipients=1000/1h")});
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] { taken += Take(&limits, User("ann"), 500); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 1000);
}

}  // namespace
}  // namespace postern::policy
