// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/limits/connection_limits.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

std::optional<IpAddress> Ip(absl::string_view text) {
  return IpAddress::Parse(text);
}

using Limits = ConnectionLimits::Limits;
using Slot = ConnectionLimits::Slot;
using Refusal = ConnectionLimits::Refusal;

constexpr int64_t kSecond = 1000 * 1000 * 1000;
constexpr int64_t kMinute = 60 * kSecond;

std::optional<Refusal> Why(const std::variant<Slot, Refusal>& admission) {
  const auto* refusal = std::get_if<Refusal>(&admission);
  if (refusal == nullptr) return {};
  return *refusal;
}

// Admits up to `count` connections of `address`, and returns their slots.
std::vector<Slot> Admit(ConnectionLimits* limits, absl::string_view address,
                        size_t count, int64_t now = 0) {
  std::vector<Slot> slots;
  for (size_t i = 0; i < count; ++i) {
    auto admission = limits->Admit(Ip(address), now);
    if (auto* slot = std::get_if<Slot>(&admission)) {
      slots.push_back(std::move(*slot));
    }
  }
  return slots;
}

net::NetworkList Networks(const std::vector<std::string>& entries) {
  return net::NetworkList::Parse(entries).value();
}

TEST(ConnectionLimitsTest, RefusesMoreThanInAll) {
  ConnectionLimits limits({.in_all = 2, .from_client = 0});
  const auto first = limits.Admit(Ip("192.0.2.1"), 0);
  auto second = limits.Admit(Ip("192.0.2.2"), 0);
  EXPECT_EQ(Why(limits.Admit(Ip("2001:db8::1"), 0)), Refusal::kTooManyInAll);
  EXPECT_EQ(limits.open(), 2);
  second = Refusal::kTooFast;  // returns the slot
  EXPECT_EQ(limits.open(), 1);
  EXPECT_EQ(Why(limits.Admit(Ip("2001:db8::1"), 0)), std::nullopt);
}

TEST(ConnectionLimitsTest, ReturnsTheFirstReason) {
  ConnectionLimits limits({.in_all = 2, .from_client = 1, .per_minute = 1});
  const auto first = limits.Admit(Ip("192.0.2.1"), 0);
  EXPECT_EQ(Why(limits.Admit(Ip("192.0.2.1"), 0)), Refusal::kTooManyFromClient);
  const auto second = limits.Admit(Ip("192.0.2.2"), 0);
  EXPECT_EQ(Why(limits.Admit(Ip("192.0.2.1"), 0)), Refusal::kTooManyInAll);
}

TEST(ConnectionLimitsTest, ClientIsAnIpv4AddressOrHalfOfAnIpv6Address) {
  const struct {
    absl::string_view first;
    absl::string_view second;
    bool same;
  } cases[] = {
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.2", false},
      {"192.0.2.1", "::ffff:192.0.2.1", true},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
      {"2001:db8::1", "2001:DB8:0:0::1", true},
      {"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
      {"2001:db8::1", "2001:db8:0:1::1", false},
      {"2001:db8::1", "3001:db8::1", false},
      // The second half of one address is the first half of the other.
      {"192.0.2.1", "0:ffff:c000:201::1", false},
      {"::1", "::ffff:192.0.2.1", false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.first, " ", c.second));
    ConnectionLimits limits({.from_client = 1});
    const auto first = limits.Admit(Ip(c.first), 0);
    const auto second = limits.Admit(Ip(c.second), 0);
    EXPECT_EQ(Why(second).has_value(), c.same);
    EXPECT_EQ(limits.clients(), c.same ? 1 : 2);
  }
}

TEST(ConnectionLimitsTest, BucketFillsUpEvenlyInAMinute) {
  ConnectionLimits limits({.from_client = 0, .per_minute = 6});
  constexpr absl::string_view kClient = "192.0.2.1";
  EXPECT_EQ(Admit(&limits, kClient, 10, 0).size(), 6);
  EXPECT_EQ(Why(limits.Admit(Ip(kClient), 0)), Refusal::kTooFast);
  EXPECT_EQ(Why(limits.Admit(Ip("192.0.2.2"), 0)), std::nullopt);
  EXPECT_EQ(Why(limits.Admit(Ip(kClient), 10 * kSecond - 1)),
            Refusal::kTooFast);
  EXPECT_EQ(Why(limits.Admit(Ip(kClient), 10 * kSecond)), std::nullopt);
  EXPECT_EQ(Why(limits.Admit(Ip(kClient), 10 * kSecond)), Refusal::kTooFast);
  EXPECT_EQ(Admit(&limits, kClient, 10, 40 * kSecond).size(), 3);
  EXPECT_EQ(Admit(&limits, kClient, 10, 5 * kMinute).size(), 6);
  // A thread with an old time gains nothing.
  EXPECT_EQ(Admit(&limits, kClient, 10, 0).size(), 0);
}

TEST(ConnectionLimitsTest, RefusedConnectionTakesNothing) {
  ConnectionLimits limits({.from_client = 1, .per_minute = 2});
  auto slot = limits.Admit(Ip("192.0.2.1"), 0);
  // Too many at one time: none of these counts for the limit of a minute.
  EXPECT_EQ(Admit(&limits, "192.0.2.1", 10).size(), 0);
  slot = Refusal::kTooFast;
  EXPECT_EQ(Admit(&limits, "192.0.2.1", 1).size(), 1);
  EXPECT_EQ(Admit(&limits, "192.0.2.1", 10, kMinute / 2 - 1).size(), 0);
  EXPECT_EQ(Admit(&limits, "192.0.2.1", 10, kMinute / 2).size(), 1);
}

TEST(ConnectionLimitsTest, ZeroIsNoLimit) {
  ConnectionLimits limits({.in_all = 0, .from_client = 0, .per_minute = 0});
  EXPECT_EQ(Admit(&limits, "192.0.2.1", 5000).size(), 5000);
}

TEST(ConnectionLimitsTest, ExemptClientsHaveNoLimitOfAClient) {
  ConnectionLimits limits(
      {.in_all = 5,
       .from_client = 1,
       .per_minute = 1,
       .exempt = Networks({"192.0.2.0/24", "2001:db8::/32"})});
  EXPECT_EQ(Admit(&limits, "192.0.2.1", 10).size(), 5);
  EXPECT_EQ(Admit(&limits, "2001:db8::1", 10).size(), 5);
  EXPECT_EQ(Admit(&limits, "::ffff:192.0.2.1", 10).size(), 5);
  EXPECT_EQ(Admit(&limits, "192.0.3.1", 10).size(), 1);
}

// These clients cannot be distinguished: each would use up the limit of others.
TEST(ConnectionLimitsTest, ClientsWithoutAnAddressCountOnlyInTotal) {
  ConnectionLimits limits({.in_all = 5, .from_client = 1, .per_minute = 1});
  std::vector<Slot> local = Admit(&limits, "", 4);
  EXPECT_EQ(local.size(), 4u);
  EXPECT_EQ(Admit(&limits, "192.0.2.1", 2).size(), 1u);
  local.push_back(std::get<Slot>(limits.Admit(Ip(""), 0)));
  EXPECT_EQ(Why(limits.Admit(Ip(""), 0)), Refusal::kTooManyInAll);
}

TEST(ConnectionLimitsTest, MovedSlotIsReturnedOnce) {
  ConnectionLimits limits({.in_all = 10});
  std::vector<Slot> one = Admit(&limits, "192.0.2.1", 1);
  std::vector<Slot> two = Admit(&limits, "192.0.2.2", 1);
  {
    const Slot moved = std::move(one[0]);
    EXPECT_EQ(limits.open(), 2);
  }
  EXPECT_EQ(limits.open(), 1);
  one[0] = std::move(two[0]);
  EXPECT_EQ(limits.open(), 1);
  two.clear();
  EXPECT_EQ(limits.open(), 1);
  one.clear();
  EXPECT_EQ(limits.open(), 0);
}

std::string Address(uint32_t n) {
  return absl::StrCat("10.", n >> 16 & 255, ".", n >> 8 & 255, ".", n & 255);
}

TEST(ConnectionLimitsTest, RemovesClientsWithoutStateInUse) {
  ConnectionLimits limits({.from_client = 1, .per_minute = 60});
  const std::vector<Slot> stay = Admit(&limits, "2001:db8::1", 1);
  // One connection per millisecond, each very short. Its bucket is full a
  // second later.
  size_t most = 0;
  for (uint32_t i = 0; i < 50000; ++i) {
    (void)Admit(&limits, Address(i), 1, i * kSecond / 1000);
    most = std::max(most, limits.clients());
  }
  EXPECT_GE(most, 1000);
  EXPECT_LE(most, 2500);
  EXPECT_EQ(limits.open(), 1);
  // A connected client is not removed.
  EXPECT_EQ(Why(limits.Admit(Ip("2001:db8::1"), kMinute)),
            Refusal::kTooManyFromClient);
}

TEST(ConnectionLimitsTest, NumberOfStoredClientsIsLimited) {
  ConnectionLimits limits({.per_minute = 1, .remembered = 100});
  const std::vector<Slot> stay = Admit(&limits, "2001:db8::1", 1);
  for (uint32_t i = 0; i < 5000; ++i) {
    EXPECT_EQ(Admit(&limits, Address(i), 1).size(), 1);
    EXPECT_LE(limits.clients(), 100 + 2);
  }
  EXPECT_EQ(limits.clients(), 100 + 2);
  // The last client is still limited. The first one starts again.
  EXPECT_EQ(Admit(&limits, Address(4999), 1).size(), 0);
  EXPECT_EQ(Admit(&limits, Address(0), 1).size(), 1);
  EXPECT_EQ(Why(limits.Admit(Ip("2001:db8::1"), 0)), Refusal::kTooFast);
}

// A model that stores the whole history and searches it each time.
class Model {
 public:
  std::optional<Refusal> Admit(const std::string& client, int64_t now,
                               const Limits& limits) {
    size_t all = 0;
    for (const auto& [name, history] : clients_) all += history.open;
    History& history = clients_[client];
    if (limits.in_all != 0 && all >= limits.in_all) {
      return Refusal::kTooManyInAll;
    }
    if (limits.from_client != 0 && history.open >= limits.from_client) {
      return Refusal::kTooManyFromClient;
    }
    if (limits.per_minute != 0) {
      // Since any earlier time, no more tokens may have been spent than a full
      // bucket and the tokens added since then.
      const auto count = static_cast<int64_t>(limits.per_minute);
      const int64_t cost = kMinute / count;
      int64_t spent = cost;
      for (auto it = history.spent.rbegin(); it != history.spent.rend(); ++it) {
        spent += it->second;
        if (spent - (now - it->first) > cost * count) return Refusal::kTooFast;
      }
      history.spent.emplace_back(now, cost);
    }
    ++history.open;
    return {};
  }
  void GiveBack(const std::string& client) { --clients_[client].open; }

 private:
  struct History {
    size_t open = 0;
    std::vector<std::pair<int64_t, int64_t>> spent;
  };
  std::map<std::string, History> clients_;
};

TEST(ConnectionLimitsTest, BehavesLikeAModelThatForgetsNothing) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](size_t n) { return random() % n; };
    const Limits so = {
        .in_all = below(30), .from_client = below(8), .per_minute = below(12)};
    ConnectionLimits limits(so);
    Model model;
    std::vector<std::pair<std::string, Slot>> open;
    int64_t now = 0;
    for (int step = 0; step < 2000; ++step) {
      now += below(3) == 0 ? static_cast<int64_t>(below(20)) * kSecond / 2 : 0;
      if (below(2) == 0) {
        const std::string address = Address(below(8));
        auto admission = limits.Admit(Ip(address), now);
        ASSERT_EQ(Why(admission), model.Admit(address, now, so)) << step;
        if (auto* slot = std::get_if<Slot>(&admission)) {
          open.emplace_back(address, std::move(*slot));
        }
      } else if (!open.empty()) {
        std::swap(open[below(open.size())], open.back());
        model.GiveBack(open.back().first);
        open.pop_back();
      }
      ASSERT_EQ(limits.open(), open.size());
    }
  }
}

TEST(ConnectionLimitsTest, ThreadsNeverGetMoreSlotsThanTheLimit) {
  ConnectionLimits limits({.in_all = 8,
                           .from_client = 3,
                           .per_minute = 0,
                           .exempt = Networks({"192.0.2.0/24"})});
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&limits, t] {
      std::vector<Slot> held;
      for (uint32_t i = 0; i < 5000; ++i) {
        auto admission = limits.Admit(Ip(Address(i % 5)), i);
        EXPECT_LE(limits.open(), 8);
        if (auto* slot = std::get_if<Slot>(&admission)) {
          held.push_back(std::move(*slot));
        }
        if (held.size() > t) held.erase(held.begin());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(limits.open(), 0);
}

TEST(ConnectionLimitsTest, AnotherThreadMayDestroyASlot) {
  ConnectionLimits limits({.in_all = 1});
  std::vector<Slot> slot = Admit(&limits, "192.0.2.1", 1);
  std::thread([moved = std::move(slot)]() mutable { moved.clear(); }).join();
  EXPECT_EQ(Admit(&limits, "192.0.2.2", 1).size(), 1);
}

}  // namespace
}  // namespace postern::policy
