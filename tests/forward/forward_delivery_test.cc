// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/forward_delivery.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/event_loop.h"
#include "net/socket_address.h"
#include "rig/server.h"
#include "system/descriptor.h"

namespace postern::delivery {
namespace {

using testing::ElementsAre;

NextHop At(absl::string_view servers) {
  return *NextHop::Parse(NextHop::Kind::kSmtp, servers);
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
  static Verdict Open(MailTransaction& transaction) {
    std::promise<Verdict> answer;
    std::optional<Verdict> verdict = transaction.Open(
        {.to = {{{"u", "d.example"}, {}}}}, [&]() -> Policy::Done {
          return [&](Verdict given) { answer.set_value(std::move(given)); };
        });
    return verdict ? *verdict : answer.get_future().get();
  }
  static Reply Send(MailTransaction& transaction, absl::string_view text) {
    const Verdict opened = Open(transaction);
    if (!opened.accepted()) return *opened.reply();
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
// An account whose credentials the server has refused.
class RefusedAccount : public ClientAccount {
 public:
  explicit RefusedAccount(std::string version) : version_(std::move(version)) {}
  void Begin(const std::vector<std::string>&, Begun done) override {
    std::move(done)(absl::PermissionDeniedError("refused"));
  }
  std::string version() const override { return version_; }

 private:
  const std::string version_;
};

// A refusal of the credentials from before a reload is not the state of the
// server, and the connections of both count.
TEST_F(ForwardDeliveryTest, StatusIsThatOfTheCredentialsInUse) {
  rig::Server hop;
  const auto use = [&](const std::string& version) {
    delivery_ = std::make_unique<ForwardDelivery>(
        &forwarding_, At(hop.address()), "us.example", "smtp",
        Calls::kOnThreads,
        HopSecurity{.account = std::make_shared<RefusedAccount>(version)});
  };
  use("old");
  EXPECT_FALSE(Add(*Begin(), "u").accepted());
  ASSERT_EQ(forwarding_.Status().size(), 1u);
  EXPECT_FALSE(forwarding_.Status()[0].works);
  EXPECT_EQ(forwarding_.Status()[0].failed, 1u);
  use("new");
  ASSERT_EQ(forwarding_.Status().size(), 1u);
  EXPECT_TRUE(forwarding_.Status()[0].works);
  EXPECT_EQ(forwarding_.Status()[0].failed, 1u);
  delivery_ = nullptr;
  EXPECT_TRUE(forwarding_.Status().empty());
}

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

// The server has closed one unused connection, and so perhaps all others.
TEST_F(ForwardDeliveryTest, DeadConnectionIsReplacedByANewOne) {
  rig::Server hop;
  Use(hop.address());
  {
    const auto first = Begin();
    const auto second = Begin();
    EXPECT_TRUE(Add(*first, "u").accepted());
    EXPECT_TRUE(Add(*second, "u").accepted());
    EXPECT_EQ(Send(*first, "x\r\n").code, 250);
    EXPECT_EQ(Send(*second, "x\r\n").code, 250);
  }
  EXPECT_EQ(hop.sessions().size(), 2u);
  hop.On(rig::Mail()).Once().Close();
  EXPECT_TRUE(Add(*Begin(), "u").accepted());
  EXPECT_TRUE(hop.UnmetFaults().empty());
  EXPECT_EQ(hop.sessions().size(), 3u);
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
  ASSERT_TRUE(Open(*transaction).accepted());
  const absl::string_view half = "half";
  transaction->Write({&half, 1}, [] {});
  transaction.reset();
  EXPECT_EQ(hop.WaitForSessions(1).size(), 1u);
  EXPECT_TRUE(hop.messages().empty());
}

// A Unix socket whose backlog is full refuses connect(2) with EAGAIN. The
// server works, and accepts the connection soon.
TEST_F(ForwardDeliveryTest, FullBacklogOfAUnixSocketIsNoFailure) {
  // Short: a path of sun_path has at most 107 octets.
  std::string folder = "/tmp/hopXXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/s";
  sockaddr_storage address;
  const socklen_t size = net::MakeUnixAddress(path, &address);
  const auto* const name = reinterpret_cast<const sockaddr*>(&address);
  const system::Descriptor listener(socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(bind(listener.get(), name, size), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  const system::Descriptor filler(socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(connect(filler.get(), name, size), 0);
  const system::Descriptor other(
      socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  ASSERT_NE(connect(other.get(), name, size), 0);
  ASSERT_EQ(errno, EAGAIN);

  Use("unix:" + path);
  const auto transaction = Begin();
  std::promise<Verdict> answer;
  ASSERT_FALSE(
      transaction->AddRecipient({.to = {"u", "d"}}, [&]() -> Policy::Done {
        return [&](Verdict given) { answer.set_value(std::move(given)); };
      }));
  // The loop has called connect(2) when it runs this task.
  std::promise<void> connected;
  (*forwarding_.OwnLoop())->Post([&] { connected.set_value(); });
  connected.get_future().wait();
  const system::Descriptor filled(accept(listener.get(), nullptr, nullptr));
  // The transaction may have failed already: then there is no connection.
  pollfd ready = {listener.get(), POLLIN, 0};
  if (poll(&ready, 1, 30000) == 1) {
    const system::Descriptor hop(accept(listener.get(), nullptr, nullptr));
    const auto reply = [&hop](absl::string_view text) {
      EXPECT_EQ(send(hop.get(), text.data(), text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(text.size()));
    };
    reply("220 hop\r\n");
    std::array<char, 512> line;
    for (int i = 0; i < 3; ++i) {  // EHLO, MAIL, RCPT
      ASSERT_GT(recv(hop.get(), line.data(), line.size(), 0), 0);
      reply("250 ok\r\n");
    }
    EXPECT_TRUE(answer.get_future().get().accepted());
  } else {
    ADD_FAILURE() << answer.get_future().get().reply()->text;
  }
}

// A client that leaves within RCPT, and one within DATA, and the end of the
// event loop while two others wait.
TEST_F(ForwardDeliveryTest, TransactionsOnAnEventLoopEndWithIt) {
  rig::Server hop;
  hop.On(rig::Rcpt("stall@*")).Stall();
  hop.On(rig::EndOfData()).Stall();
  net::EventLoop loop;
  ASSERT_TRUE(loop.status().ok());
  ForwardDelivery delivery(&forwarding_, At(hop.address()), "us.example",
                           "smtp", Calls::kOnEventLoop);
  const auto begin = [&] {
    return delivery.Begin({.from = {"s", "x.example"}},
                          std::make_shared<const SessionInfo>());
  };
  std::vector<Reply> rcpt;
  std::vector<Reply> message;
  const auto into = [](std::vector<Reply>* to) {
    return [to](Verdict verdict) { to->push_back(*verdict.reply()); };
  };
  std::unique_ptr<MailTransaction> in_rcpt, in_data, stays_rcpt, stays_data;
  int accepted = 0;
  // Begins the content of `transaction`, and `then` runs when it has left.
  const auto send = [&](MailTransaction* transaction,
                        std::function<void()> then) {
    ASSERT_FALSE(transaction->Open(
        {.to = {{{"u", "d.example"}, {}}}}, [&]() -> Policy::Done {
          return [&, transaction, then](const Verdict& verdict) {
            EXPECT_TRUE(verdict.accepted());
            const absl::string_view text = "x\r\n";
            EXPECT_TRUE(transaction->Write({&text, 1}, [] {}));
            then();
          };
        }));
  };
  const auto on_accepted = [&](const Verdict& verdict) {
    EXPECT_TRUE(verdict.accepted());
    if (++accepted < 2) return;
    loop.Post([&] {
      send(in_data.get(), [&] {
        loop.Post([&] {
          // Both clients leave.
          in_rcpt.reset();
          in_data.reset();
          send(stays_data.get(), [&] {
            loop.Post([&] {
              stays_data->Commit(into(&message));
              loop.Stop();
            });
          });
        });
      });
    });
  };
  loop.Post([&] {
    for (auto* const each : {&in_rcpt, &stays_rcpt}) {
      *each = begin();
      (void)(*each)->AddRecipient(
          {.to = {"stall", "d.example"}},
          [&]() -> Policy::Done { return into(&rcpt); });
    }
    for (auto* const each : {&in_data, &stays_data}) {
      *each = begin();
      (void)(*each)->AddRecipient(
          {.to = {"u", "d.example"}},
          [&]() -> Policy::Done { return on_accepted; });
    }
  });
  loop.Run();
  // Those that left get nothing.
  ASSERT_EQ(rcpt.size(), 1u);
  EXPECT_EQ(rcpt[0].code, 451);
  ASSERT_EQ(message.size(), 1u);
  EXPECT_EQ(message[0].code, 451);
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
    // The loop has begun the transaction when it runs this task.
    std::promise<void> begins;
    (*forwarding.OwnLoop())->Post([&] { begins.set_value(); });
    begins.get_future().wait();
  }
  EXPECT_EQ(answer.get_future().get().reply()->code, 451);
}

}  // namespace
}  // namespace postern::delivery
