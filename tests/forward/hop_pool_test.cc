// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_pool.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/forward/forward_transaction.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/pipe.h"
#include "tests/forward/virtual_hops.h"

namespace postern::delivery {
namespace {

using testing::ElementsAre;

constexpr char kA[] = "unix:/a";
constexpr char kB[] = "unix:/b";
using State = VirtualHops::State;

class HopPoolTest : public testing::Test {
 protected:
  ~HopPoolTest() override {
    if (pool_ == nullptr) return;
    hops_.Run();
    pool_->Shutdown();
    hops_.Run();
  }

  void Use(absl::string_view servers) {
    NextHop hop = *NextHop::Parse(NextHop::Kind::kSmtp, servers);
    std::vector<std::shared_ptr<HopHealth>> health;
    for (size_t i = 0; i < hop.hosts.size(); ++i) {
      health.push_back(std::make_shared<HopHealth>());
    }
    pool_ = std::make_shared<HopPool>(std::move(hop),
                                      ClientConfig{.host_name = "us.example"},
                                      HopSecurity{}, std::move(health), &hops_);
  }
  // A transaction with one RCPT.
  struct Sent {
    Reply reply;
    std::unique_ptr<ForwardTransaction> transaction;
  };
  std::unique_ptr<Sent> Begin() {
    auto sent = std::make_unique<Sent>();
    sent->transaction = std::make_unique<ForwardTransaction>(
        pool_, Envelope{.from = {"s", "x"}}, ProxiedClient(), "smtp");
    (void)sent->transaction->AddRecipient(
        {.to = {"u", "d"}}, [&]() -> Policy::Done {
          return [sent = sent.get()](Verdict verdict) {
            sent->reply = *verdict.reply();
          };
        });
    return sent;
  }
  // Returns the reply to RCPT, and how long it took.
  std::pair<Reply, absl::Duration> Rcpt() {
    const auto since = hops_.now();
    const auto sent = Begin();
    EXPECT_TRUE(hops_.RunUntil([&] { return sent->reply.code != 0; },
                               absl::Minutes(5)));
    const Reply reply = sent->reply;
    sent->transaction.reset();
    hops_.Run();
    return {reply, absl::FromChrono(hops_.now() - since)};
  }

  VirtualHops hops_;
  std::shared_ptr<HopPool> pool_;
};

TEST_F(HopPoolTest, ConnectionIsUsedAgainAndThenGivenBack) {
  Use(kA);
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_THAT(hops_.connects(), ElementsAre(kA));
  // An unused connection counts against the server's limit.
  hops_.AdvanceTime(absl::FromChrono(HopLink::kIdleTimeout) + absl::Seconds(1));
  EXPECT_EQ(pool_->connections(), 0u);
  // The first session is that of the new Pipe.
  ASSERT_EQ(hops_.At(kA).sessions().size(), 2u);
  EXPECT_EQ(hops_.At(kA).sessions()[1].end, CloseReason::kQuit);
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_THAT(hops_.connects(), ElementsAre(kA, kA));
}

TEST_F(HopPoolTest, ConnectionIsUsedForALimitedNumberOfTransactions) {
  Use(kA);
  for (int i = 0; i < HopPool::kMaxUses; ++i) {
    EXPECT_EQ(Rcpt().first.code, 250);
  }
  EXPECT_THAT(hops_.connects(), ElementsAre(kA));
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_THAT(hops_.connects(), ElementsAre(kA, kA));
}

TEST_F(HopPoolTest, RefusedRsetEndsTheConnection) {
  Use(kA);
  hops_.At(kA).On(rig::Rset()).Once().Reply(450, "later");
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_THAT(hops_.connects(), ElementsAre(kA, kA));
}

TEST_F(HopPoolTest, RsetWithoutReplyDelaysNoClient) {
  Use(kA);
  hops_.At(kA).On(rig::Rset()).Once().Stall();
  EXPECT_EQ(Rcpt().first.code, 250);
  // This one needs a connection of its own, and the Pipe closes the old one.
  EXPECT_EQ(Rcpt().second, absl::ZeroDuration());
  EXPECT_THAT(hops_.connects(), ElementsAre(kA, kA));
}

// The server may close an unused connection, with or without a 421, or may have
// forgotten that a transaction is over.
TEST_F(HopPoolTest, ReusedConnectionThatIsDeadIsReplaced) {
  Use(kA);
  EXPECT_EQ(Rcpt().first.code, 250);
  for (int i = 0; i < 3; ++i) {
    if (i == 0) hops_.At(kA).On(rig::Mail()).Once().Close();
    if (i == 1) hops_.At(kA).On(rig::Mail()).Once().Reply(421, "4.4.2 idle");
    if (i == 2) hops_.At(kA).On(rig::Mail()).Once().Reply(503, "5.5.1 nested");
    const auto [reply, took] = Rcpt();
    EXPECT_EQ(reply.code, 250) << i;
    EXPECT_EQ(took, absl::ZeroDuration());
    EXPECT_EQ(hops_.connects().size(), static_cast<size_t>(i) + 2);
    EXPECT_TRUE(hops_.At(kA).UnmetFaults().empty());
  }
}

// On a new connection the same is a failure: there is no endless retry.
TEST_F(HopPoolTest, NewConnectionIsNotReplaced) {
  Use(kA);
  hops_.At(kA).On(rig::Mail()).Close();
  EXPECT_EQ(Rcpt().first.code, 451);
  EXPECT_THAT(hops_.connects(), ElementsAre(kA));
}

TEST_F(HopPoolTest, DeadServerCostsOneTimeoutThenFailsFast) {
  Use(kA);
  hops_.Set(kA, State::kHangs);
  const auto [first, took] = Rcpt();
  EXPECT_EQ(first.code, 451);
  EXPECT_TRUE(absl::StrContains(first.text, "does not accept connections"));
  EXPECT_GE(took, absl::Seconds(10));
  EXPECT_LE(took, absl::Seconds(11));
  for (int i = 0; i < 100; ++i) {
    const auto [reply, no_time] = Rcpt();
    EXPECT_EQ(reply, first);
    EXPECT_EQ(no_time, absl::ZeroDuration());
  }
  EXPECT_THAT(hops_.connects(), ElementsAre(kA));
  // After the pause one connection tests it, and other clients do not wait.
  hops_.AdvanceTime(absl::Seconds(1));
  const auto test = Begin();
  hops_.Run();
  EXPECT_EQ(test->reply.code, 0);
  EXPECT_EQ(Rcpt().second, absl::ZeroDuration());
  EXPECT_THAT(hops_.connects(), ElementsAre(kA, kA));
  hops_.AdvanceTime(absl::Seconds(11));
  EXPECT_EQ(test->reply.code, 451);
  hops_.Set(kA, State::kUp);
  hops_.AdvanceTime(absl::Seconds(2));
  EXPECT_EQ(Rcpt().first.code, 250);
}

TEST_F(HopPoolTest, NextServerServesIfTheFirstDoesNot) {
  Use(absl::StrCat(kA, ",", kB));
  const struct {
    State state;
    int greeting;
  } cases[] = {{State::kRefuses, 0},
               {State::kHangs, 0},
               {State::kUp, 421},
               {State::kUp, 554}};
  for (const auto& c : cases) {
    hops_.Set(kA, c.state);
    if (c.greeting != 0) {
      hops_.At(kA).ClearFaults();
      hops_.At(kA).On(rig::Connect()).Reply(c.greeting, "no");
    }
    const size_t before = hops_.connects().size();
    EXPECT_EQ(Rcpt().first.code, 250);
    EXPECT_EQ(hops_.connects().size(), before + 2);
    EXPECT_EQ(hops_.connects().back(), kB);
    // The connection is used again. Later ones leave the first server out.
    EXPECT_EQ(Rcpt().first.code, 250);
    EXPECT_EQ(hops_.connects().size(), before + 2);
    hops_.AdvanceTime(absl::Minutes(2));  // the end of each pause
  }
  hops_.At(kA).ClearFaults();
  hops_.Set(kA, State::kUp);
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_EQ(hops_.connects().back(), kA);
}

// Otherwise each client would wait four minutes for a server whose disk hangs.
TEST_F(HopPoolTest, ServerThatGreetsAndHangsIsLeftOut) {
  Use(absl::StrCat(kA, ",", kB));
  hops_.At(kA).On(rig::Rcpt()).Stall();
  const auto [first, took] = Rcpt();
  EXPECT_EQ(first.code, 451);
  EXPECT_GE(took, absl::Minutes(3));
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_THAT(hops_.connects(), ElementsAre(kA, kB));
  // After the pause one client tests the server. It greets that client.
  hops_.AdvanceTime(absl::Minutes(1));
  const auto test = Begin();
  hops_.AdvanceTime(absl::Minutes(1));
  EXPECT_EQ(test->reply.code, 0);
  EXPECT_EQ(hops_.connects().back(), kA);
  for (int i = 0; i < 3; ++i) {
    const auto [reply, no_time] = Rcpt();
    EXPECT_EQ(reply.code, 250);
    EXPECT_EQ(no_time, absl::ZeroDuration());
    EXPECT_EQ(hops_.connects().back(), kB);
    hops_.AdvanceTime(absl::Seconds(20));  // the end of idle connections
  }
  hops_.AdvanceTime(absl::Minutes(4));
  EXPECT_EQ(test->reply.code, 451);
  hops_.At(kA).ClearFaults();
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_EQ(hops_.connects().back(), kA);
}

TEST_F(HopPoolTest, ServerThatHangsAtTheMessageIsUsedAfterAMessage) {
  Use(absl::StrCat(kA, ",", kB));
  hops_.At(kA).On(rig::EndOfData()).Stall();
  const auto send = [&](Sent* sent) {
    Envelope envelope{.from = {"s", "x"}};
    envelope.to.push_back({{"u", "d"}, {}});
    bool opened = false;
    ASSERT_FALSE(sent->transaction->Open(envelope, [&]() -> Policy::Done {
      return [&](const Verdict& verdict) { opened = verdict.accepted(); };
    }));
    hops_.Run();
    ASSERT_TRUE(opened);
    sent->reply = {};
    sent->transaction->Commit(
        [sent](Verdict verdict) { sent->reply = *verdict.reply(); });
    EXPECT_TRUE(hops_.RunUntil([&] { return sent->reply.code != 0; },
                               absl::Minutes(8)));
  };
  const auto first = Begin();
  hops_.Run();
  send(first.get());
  EXPECT_EQ(first->reply.code, 451);
  hops_.At(kA).ClearFaults();
  hops_.AdvanceTime(absl::Seconds(2));
  const auto test = Begin();
  hops_.Run();
  EXPECT_EQ(test->reply.code, 250);
  EXPECT_EQ(hops_.connects().back(), kA);
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_EQ(hops_.connects().back(), kB);
  send(test.get());
  EXPECT_EQ(test->reply.code, 250);
  hops_.AdvanceTime(absl::Minutes(1));
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_EQ(hops_.connects().back(), kA);
}

// A client that sends no message does not block the test of a server.
TEST_F(HopPoolTest, TestWithoutResultMakesRoomForTheNext) {
  Use(kA);
  hops_.At(kA).On(rig::Rcpt()).Stall();
  EXPECT_EQ(Rcpt().first.code, 451);
  hops_.At(kA).ClearFaults();
  hops_.At(kA).On(rig::Mail()).Once().Close();
  hops_.AdvanceTime(absl::Seconds(2));
  EXPECT_EQ(Rcpt().first.code, 451);
  EXPECT_EQ(Rcpt().first.code, 250);
}

TEST_F(HopPoolTest, AbandonedSearchIsAFailureOfTheServer) {
  hops_.SetName("mx.example", {"192.0.2.1", "192.0.2.2"});
  hops_.Set("192.0.2.1:25", State::kHangs);
  hops_.Set("192.0.2.2:25", State::kHangs);
  Use("mx.example");
  Begin();  // and ends
  EXPECT_TRUE(hops_.RunUntil(
      [&] { return hops_.connects().size() == 1 && pool_->connections() == 0; },
      absl::Seconds(12)));
  const auto [reply, took] = Rcpt();
  EXPECT_EQ(reply.code, 451);
  EXPECT_EQ(took, absl::ZeroDuration());
}

// The server replies to each command in three minutes. The client's time is
// over before the reply to RCPT, and the server works.
TEST_F(HopPoolTest, EndOfTheClientsTimeIsNoFailureOfTheServer) {
  Use(kA);
  hops_.At(kA).On(rig::Mail()).Delay(absl::Minutes(3));
  hops_.At(kA).On(rig::Rcpt()).Delay(absl::Minutes(3));
  const auto [reply, took] = Rcpt();
  EXPECT_EQ(reply.code, 451);
  EXPECT_LE(took, absl::Minutes(4) + absl::Seconds(1));
  hops_.At(kA).ClearFaults();
  EXPECT_EQ(Rcpt().first.code, 250);
}

TEST_F(HopPoolTest, AllServersTogetherTakeLessThanTheClientsPatience) {
  std::string servers;
  for (size_t i = 0; i < NextHop::kMaxHosts; ++i) {
    const std::string name = absl::StrCat("h", i, ".example");
    absl::StrAppend(&servers, i == 0 ? "" : ",", name);
    std::vector<std::string> addresses;
    for (int j = 1; j < 10; ++j) {
      addresses.push_back(absl::StrCat("192.0.2.", 10 * i + j));
      hops_.Set(absl::StrCat(addresses.back(), ":25"), State::kHangs);
    }
    hops_.SetName(name, addresses);
  }
  Use(servers);
  const auto [reply, took] = Rcpt();
  EXPECT_EQ(reply.code, 451);
  EXPECT_LE(took, absl::Minutes(4));
}

TEST_F(HopPoolTest, AddressesOfANameAreTriedInTurn) {
  hops_.SetName("mx.example", {"192.0.2.1", "2001:db8::1"});
  hops_.Set("192.0.2.1:25", State::kRefuses);
  Use("mx.example");
  EXPECT_EQ(Rcpt().first.code, 250);
  EXPECT_THAT(hops_.connects(),
              ElementsAre("192.0.2.1:25", "[2001:db8::1]:25"));
}

TEST_F(HopPoolTest, NameWithoutAddressIsAnOutage) {
  Use("mx.example");
  const Reply reply = Rcpt().first;
  EXPECT_EQ(reply.code, 451);
  EXPECT_TRUE(absl::StrContains(reply.text, "no address now")) << reply.text;
}

TEST_F(HopPoolTest, ClientThatLeavesWhileItWaitsIsForgotten) {
  hops_.Set(kA, State::kHangs);
  Use(kA);
  Begin();  // and ends
  hops_.Run();
  EXPECT_EQ(pool_->connections(), 1u);
  hops_.AdvanceTime(absl::Minutes(1));
  EXPECT_EQ(pool_->connections(), 0u);
}

TEST_F(HopPoolTest, ConnectionsAreLimitedAndOthersWait) {
  hops_.Set(kA, State::kHangs);  // so that they need no Pipe
  Use(kA);
  std::vector<std::unique_ptr<Sent>> all;
  for (size_t i = 0; i < HopPool::kMaxConnections; ++i) all.push_back(Begin());
  const auto waits = Begin();
  const auto leaves = Begin();
  hops_.Run();
  EXPECT_EQ(pool_->connections(), HopPool::kMaxConnections);
  EXPECT_EQ(hops_.connects().size(), HopPool::kMaxConnections);
  leaves->transaction.reset();
  EXPECT_EQ(waits->reply.code, 0);
  hops_.AdvanceTime(absl::Seconds(11));
  // The timeouts of the others have made room, and the breaker is open.
  EXPECT_EQ(waits->reply.code, 451);
  EXPECT_EQ(hops_.connects().size(), HopPool::kMaxConnections);
}

// Otherwise clients that send nothing after RCPT keep all connections for as
// long as their own timeouts.
TEST_F(HopPoolTest, SilentTransactionMakesRoom) {
  for (const bool silent : {false, true}) {
    hops_.Set(kA, State::kUp);
    Use(kA);
    const auto first = Begin();
    hops_.Run();
    ASSERT_EQ(first->reply.code, 250);
    if (silent) hops_.AdvanceTime(absl::Seconds(11));
    hops_.Set(kA, State::kHangs);
    std::vector<std::unique_ptr<Sent>> all;
    for (size_t i = 1; i < HopPool::kMaxConnections; ++i) {
      all.push_back(Begin());
    }
    hops_.Run();
    const size_t connects = hops_.connects().size();
    const auto waits = Begin();
    hops_.Run();
    EXPECT_EQ(hops_.connects().size(), connects + (silent ? 1 : 0));
    Envelope envelope{.from = {"s", "x"}};
    envelope.to.push_back({{"u", "d"}, {}});
    Reply reply;
    const auto take = [&reply](const Verdict& verdict) {
      reply = verdict.accepted() ? Reply{354, {}, ""} : *verdict.reply();
    };
    if (auto verdict = first->transaction->Open(
            envelope, [&]() -> Policy::Done { return take; })) {
      take(*verdict);
    }
    hops_.Run();
    EXPECT_EQ(reply.code, silent ? 451 : 354);
    if (silent) {
      EXPECT_EQ(reply.enhanced, (EnhancedCode{4, 4, 5})) << reply.text;
      EXPECT_TRUE(absl::StrContains(reply.text, "is busy")) << reply.text;
    }
    first->transaction.reset();
    all.clear();
    waits->transaction.reset();
    hops_.Run();
    pool_->Shutdown();
    hops_.Run();
  }
}

// Uses a connection for nothing.
class Holder : public HopWaiter, public HopUser {
 public:
  explicit Holder(std::function<void()> failed = [] {})
      : failed_(std::move(failed)) {}
  void OnLink(HopLink* link, bool reused) override {
    link_ = link;
    reused_ = reused;
  }
  void OnUnavailable(const HopFailure&) override { failed_(); }
  const ProxiedClient& client() const override { return client_; }
  void OnReady() override {}
  bool OnStep(const ClientStep&) override { return false; }
  void OnLost(const HopFailure& failure) override {
    link_ = nullptr;
    lost_ = failure.kind;
  }

  HopLink* link() const { return link_; }
  bool reused() const { return reused_; }
  std::optional<HopFailure::Kind> lost() const { return lost_; }

 private:
  const std::function<void()> failed_;
  const ProxiedClient client_;
  HopLink* link_ = nullptr;
  bool reused_ = false;
  std::optional<HopFailure::Kind> lost_;
};

// The end of the client's time is no failure of the server: it has its own time
// for XCLIENT.
TEST_F(HopPoolTest, EndOfTheClientsTimeAtXClientIsNoFailureOfTheServer) {
  const struct {
    absl::Duration left;
    HopFailure::Kind kind;
  } cases[] = {
      {absl::Seconds(5), HopFailure::Kind::kSlow},
      {absl::Seconds(100), HopFailure::Kind::kTimeout},
  };
  constexpr char kServer[] = "192.0.2.1:25";
  for (const auto& c : cases) {
    hops_.TakeClients(kServer, /*proxy=*/false);
    hops_.At(kServer).ClearFaults();
    // XCLIENT gets no reply.
    hops_.At(kServer).On(rig::Ehlo()).Raw("250-r\r\n250 XCLIENT ADDR\r\n");
    hops_.At(kServer).On(rig::Connect()).Skip(1).Stall();
    Use(absl::StrCat(kServer, ",xclient"));
    Holder holder;
    pool_->Acquire(&holder, &holder, /*fresh=*/false);
    hops_.Run();
    ASSERT_NE(holder.link(), nullptr);
    holder.link()->set_user_deadline(hops_.now() +
                                     absl::ToChronoSeconds(c.left));
    hops_.AdvanceTime(absl::Seconds(70));
    EXPECT_EQ(holder.lost(), c.kind);
    pool_->Shutdown();
    hops_.Run();
  }
}

// A server that has failed gets one connection that tests it. The end of its
// user's time is no result, so the next connection tests the server.
TEST_F(HopPoolTest, TestThatTheClientDoesNotWaitForIsRepeated) {
  Use(kA);
  hops_.Set(kA, State::kRefuses);
  EXPECT_EQ(Rcpt().first.code, 451);
  hops_.AdvanceTime(absl::FromChrono(HopHealth::kFirstPause) +
                    absl::Seconds(1));
  hops_.Set(kA, State::kHangs);
  bool failed = false;
  Holder holder([&failed] { failed = true; });
  pool_->Acquire(&holder, &holder, /*fresh=*/false,
                 hops_.now() + std::chrono::seconds(3));
  hops_.AdvanceTime(absl::Seconds(4));
  EXPECT_TRUE(failed);
  hops_.Set(kA, State::kUp);
  EXPECT_EQ(Rcpt().first.code, 250);
}

// Otherwise each failure would begin the next search within itself, and many
// waiters would need the whole stack.
TEST_F(HopPoolTest, WaitersFailOneAfterAnother) {
  hops_.Set(kA, State::kHangs);
  Use(kA);
  std::vector<size_t> order;
  std::vector<std::unique_ptr<Holder>> all;
  for (size_t i = 0; i < HopPool::kMaxConnections + 1000; ++i) {
    all.push_back(std::make_unique<Holder>([&order, i] {
      if (i >= HopPool::kMaxConnections) order.push_back(i);
    }));
    pool_->Acquire(all.back().get(), all.back().get(), /*fresh=*/false);
  }
  hops_.AdvanceTime(absl::Seconds(11));
  EXPECT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

// The user's last connection was used before, and was dead.
TEST_F(HopPoolTest, WaiterForANewConnectionGetsNoUsedOne) {
  Use(kA);
  Holder first;
  pool_->Acquire(&first, &first, /*fresh=*/false);
  hops_.Run();
  ASSERT_NE(first.link(), nullptr);
  hops_.Set(kA, State::kHangs);
  std::vector<std::unique_ptr<Holder>> others;
  for (size_t i = 1; i < HopPool::kMaxConnections; ++i) {
    others.push_back(std::make_unique<Holder>());
    pool_->Acquire(others.back().get(), others.back().get(), /*fresh=*/false);
  }
  Holder fresh;
  pool_->Acquire(&fresh, &fresh, /*fresh=*/true);
  hops_.Set(kA, State::kUp);
  HopLink* const link = first.link();
  link->Release(HopLink::Left::kClean);
  hops_.Run();
  ASSERT_NE(fresh.link(), nullptr);
  EXPECT_FALSE(fresh.reused());
  EXPECT_NE(fresh.link(), link);
  pool_->Shutdown();  // before the holders end
}

TEST_F(HopPoolTest, ShutdownAnswersEachClient) {
  Use(absl::StrCat(kA, ",", kB));
  const auto used = Begin();
  hops_.Run();
  EXPECT_EQ(used->reply.code, 250);
  hops_.Set(kA, State::kHangs);
  const auto opening = Begin();
  hops_.Run();
  EXPECT_EQ(opening->reply.code, 0);
  pool_->Shutdown();
  hops_.Run();
  EXPECT_EQ(opening->reply.code, 451);
  EXPECT_EQ(Rcpt().first.code, 451);
}

}  // namespace
}  // namespace postern::delivery
