// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/forward_delivery.h"

#include <stdlib.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/server.h"

namespace postern::delivery {
namespace {

using testing::ElementsAre;

NextHop At(absl::string_view servers) {
  return *NextHop::Parse(/*lmtp=*/false, servers);
}

// Uses a delivery from a thread, as a filter of content does.
class ForwardDeliveryTest : public testing::Test {
 protected:
  using Calls = ForwardDelivery::Calls;

  void Use(absl::string_view servers) {
    delivery_ = std::make_unique<ForwardDelivery>(
        &forwarding_, At(servers), "us.example", "smtp", Calls::kOnThreads);
  }
  std::unique_ptr<MailTransaction> Begin() {
    return delivery_->Begin({.from = {"s", "x.example"}, .message = 1},
                            std::make_shared<const SessionInfo>());
  }
  static Verdict Add(MailTransaction& transaction, const char* name) {
    std::promise<Verdict> answer;
    std::optional<Verdict> verdict = transaction.AddRecipient(
        {.to = {name, "d.example"}}, [&]() -> Policy::Done {
          return [&](Verdict given) { answer.set_value(std::move(given)); };
        });
    return verdict ? *verdict : answer.get_future().get();
  }
  static Reply Send(MailTransaction& transaction, absl::string_view text) {
    const std::optional<Reply> refusal =
        transaction.Open({.to = {{{"u", "d.example"}, {}}}});
    if (refusal) return *refusal;
    EXPECT_TRUE(transaction.Write({&text, 1}, [] {}));
    std::promise<Reply> answer;
    transaction.Commit(
        [&](const Verdict& verdict) { answer.set_value(*verdict.reply()); });
    return answer.get_future().get();
  }

  Forwarding forwarding_{[](const std::string& name, HopDriver::Resolved done) {
    if (name != "localhost") {
      return std::move(done)(absl::UnavailableError("no answer"));
    }
    std::move(done)(std::vector<IpAddress>{*IpAddress::Parse("127.0.0.1")});
  }};
  std::unique_ptr<ForwardDelivery> delivery_;
};

TEST_F(ForwardDeliveryTest, MessageReachesAServerOnASocket) {
  rig::Server hop;
  hop.On(rig::Rcpt("no@*")).Reply(550, "5.1.1 no mailbox");
  for (const std::string& servers :
       {hop.address(), absl::StrCat("localhost:", hop.port()),
        absl::StrCat("127.0.0.1:1,", hop.address()),
        absl::StrCat("nowhere.example,unix:/nowhere/lmtp,", hop.address())}) {
    Use(servers);
    const auto transaction = Begin();
    EXPECT_TRUE(Add(*transaction, "u").accepted());
    const Verdict no = Add(*transaction, "no");
    EXPECT_EQ(*no.reply(), (Reply{550, {5, 1, 1}, "no mailbox"}));
    EXPECT_EQ(no.rule(), "smtp");
    EXPECT_TRUE(absl::StrContains(no.source(), absl::StrCat(hop.port())));
    EXPECT_EQ(Send(*transaction, "Subject: x\r\n\r\n.dot\r\n").code, 250);
    ASSERT_EQ(hop.messages().size(), 1u);
    EXPECT_THAT(hop.messages()[0].to(), ElementsAre("u@d.example"));
    EXPECT_EQ(hop.messages()[0].raw(), "Subject: x\r\n\r\n.dot\r\n");
    hop.Clear();
  }
}

// More than the buffers of the sockets hold.
TEST_F(ForwardDeliveryTest, LargeMessageArrivesWhole) {
  rig::Server hop;
  Use(hop.address());
  std::string text = "Subject: x\r\n\r\n";
  for (int i = 0; i < 200000; ++i) absl::StrAppend(&text, ".", i, "\r\n");
  const auto transaction = Begin();
  EXPECT_TRUE(Add(*transaction, "u").accepted());
  EXPECT_EQ(Send(*transaction, text).code, 250);
  ASSERT_EQ(hop.messages().size(), 1u);
  EXPECT_EQ(hop.messages()[0].raw(), text);
}

TEST_F(ForwardDeliveryTest, UnixSocketWithoutServerIsAnOutage) {
  Use("unix:/nowhere/smtp");
  for (int i = 0; i < 2; ++i) {
    const auto transaction = Begin();
    const Verdict verdict = Add(*transaction, "u");
    EXPECT_EQ(verdict.reply()->code, 451);
    EXPECT_TRUE(
        absl::StrContains(verdict.reply()->text, "No such file or directory"));
    // The client does not learn the path. The log does.
    EXPECT_FALSE(absl::StrContains(verdict.reply()->text, "nowhere"));
    EXPECT_TRUE(absl::StrContains(verdict.source(), "unix:/nowhere/smtp"));
  }
}

TEST_F(ForwardDeliveryTest, AbandonedTransactionSendsNoMessage) {
  rig::Server hop;
  Use(hop.address());
  auto transaction = Begin();
  EXPECT_TRUE(Add(*transaction, "u").accepted());
  ASSERT_FALSE(transaction->Open({.to = {{{"u", "d.example"}, {}}}}));
  const absl::string_view half = "half";
  transaction->Write({&half, 1}, [] {});
  transaction.reset();
  EXPECT_EQ(hop.WaitForSessions(1).size(), 1u);
  EXPECT_TRUE(hop.messages().empty());
}

// The end of the process closes connections, and answers what is open.
TEST_F(ForwardDeliveryTest, EndOfTheLoopAnswers) {
  rig::Server hop;
  hop.On(rig::Rcpt()).Stall();
  std::promise<Verdict> answer;
  {
    Forwarding forwarding(nullptr);
    ForwardDelivery delivery(&forwarding, At(hop.address()), "us.example",
                             "smtp", Calls::kOnThreads);
    // As in a session, the answer keeps the transaction alive.
    std::shared_ptr<MailTransaction> transaction = delivery.Begin(
        {.from = {"s", "x"}}, std::make_shared<const SessionInfo>());
    MailTransaction& begun = *transaction;
    (void)begun.AddRecipient({.to = {"u", "d"}}, [&]() -> Policy::Done {
      return [&answer, keep = std::move(transaction)](Verdict given) {
        answer.set_value(std::move(given));
      };
    });
  }
  EXPECT_EQ(answer.get_future().get().reply()->code, 451);
}

}  // namespace
}  // namespace postern::delivery
