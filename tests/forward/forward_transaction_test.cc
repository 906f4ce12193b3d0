// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/forward_transaction.h"

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/forward/hop_health.h"
#include "delivery/forward/hop_pool.h"
#include "delivery/forward/next_hop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/fault.h"
#include "rig/pipe.h"
#include "tests/forward/sender.h"
#include "tests/forward/virtual_hops.h"

namespace postern::delivery {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kHop[] = "unix:/hop";

// A client whose next hop has SMTP, unless a test says otherwise.
class Client : public Sender {
 public:
  explicit Client(VirtualHops* hops, bool lmtp = false,
                  absl::string_view servers = kHop)
      : Sender(hops, lmtp ? NextHop::Kind::kLmtp : NextHop::Kind::kSmtp,
               servers) {}
};

TEST(ForwardTransactionTest, EachCommandGetsTheReplyOfTheNextHop) {
  VirtualHops hops;
  Client client(&hops);
  rig::Pipe& hop = hops.At(kHop);
  hop.On(rig::Rcpt("no@*")).Reply(550, "5.1.1 no mailbox by that name");
  hop.On(rig::Rcpt("full@*")).Reply(452, "4.2.2 the mailbox is full");
  hop.On(rig::Rcpt("moved@*")).Reply(251, "2.1.5 will forward");
  hop.On(rig::EndOfData()).Reply(250, "2.0.0 queued as 4711");
  client.Mail();
  EXPECT_EQ(client.Rcpt("u"), (Reply{250, {2, 1, 5}, "ok"}));
  EXPECT_EQ(client.Rcpt("no"),
            (Reply{550, {5, 1, 1}, "no mailbox by that name"}));
  EXPECT_EQ(client.Rcpt("full"),
            (Reply{452, {4, 2, 2}, "the mailbox is full"}));
  EXPECT_EQ(client.Rcpt("moved"), (Reply{251, {2, 1, 5}, "will forward"}));
  EXPECT_EQ(client.Open().code, 354);
  client.Write("Subject: x\r\n\r\n.dot\r\n");
  EXPECT_THAT(hop.messages(), IsEmpty());
  EXPECT_EQ(client.Commit(), (Reply{250, {2, 0, 0}, "queued as 4711"}));
  ASSERT_EQ(hop.messages().size(), 1u);
  EXPECT_EQ(hop.messages()[0].from(), "s@x.example");
  EXPECT_THAT(hop.messages()[0].to(),
              ElementsAre("u@d.example", "moved@d.example"));
  EXPECT_EQ(hop.messages()[0].raw(), "Subject: x\r\n\r\n.dot\r\n");
  EXPECT_EQ(hop.messages()[0].session().info->hello_name, "us.example");
}

TEST(ForwardTransactionTest, RecipientsAreAskedAtTheSameTime) {
  VirtualHops hops;
  Client client(&hops);
  hops.At(kHop).On(rig::Rcpt("b@*")).Reply(550, "5.1.1 no");
  client.Mail();
  const auto a = client.BeginRcpt("a");
  const auto b = client.BeginRcpt("b");
  const auto c = client.BeginRcpt("c");
  hops.Run();
  EXPECT_EQ(a->code, 250);
  EXPECT_EQ(b->code, 550);
  EXPECT_EQ(c->code, 250);
}

// The octets of a reply cannot do anything to the client's terminal or session.
TEST(ForwardTransactionTest, TextIsCleanedAndCut) {
  VirtualHops hops;
  Client client(&hops);
  hops.At(kHop)
      .On(rig::Rcpt())
      .Raw(absl::StrCat("550-5.1.1 \x1b[31mred\r\n550 5.1.1 \xff", "x\r\n"));
  client.Mail();
  EXPECT_EQ(client.Rcpt("u"), (Reply{550, {5, 1, 1}, "?[31mred\n?x"}));
  std::string raw;
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&raw, "550", i < 99 ? "-" : " ", std::string(100, 'x'),
                    "\r\n");
  }
  hops.At(kHop).ClearFaults();
  hops.At(kHop).On(rig::Rcpt()).Raw(raw);
  client.Mail();
  const Reply reply = client.Rcpt("u");
  EXPECT_EQ(reply.code, 550);
  EXPECT_EQ(reply.text.size(), ForwardTransaction::kMaxText);
}

TEST(ForwardTransactionTest, RefusedMailIsTheReplyToEachRecipient) {
  VirtualHops hops;
  Client client(&hops);
  hops.At(kHop).On(rig::Mail()).Reply(552, "5.3.4 too large");
  client.Mail();
  const auto a = client.BeginRcpt("a");
  const auto b = client.BeginRcpt("b");
  hops.Run();
  const Reply refusal = {552, {5, 3, 4}, "too large"};
  EXPECT_EQ(*a, refusal);
  EXPECT_EQ(*b, refusal);
  EXPECT_EQ(client.Rcpt("c"), refusal);
  EXPECT_THAT(hops.connects(), ElementsAre(kHop));
}

TEST(ForwardTransactionTest, ParametersThatTheNextHopLacks) {
  VirtualHops hops({.extensions = {}});
  Client client(&hops);
  rig::Pipe& hop = hops.At(kHop);
  // Each is hidden in one session.
  hop.On(rig::Ehlo()).Hide("SIZE");
  client.Mail({.size = 100, .body = BodyType::k8BitMime});
  EXPECT_EQ(client.Rcpt("u").code, 250);
  client.Reset();
  hops.AdvanceTime(absl::Minutes(1));
  hop.ClearFaults();
  hop.On(rig::Ehlo()).Hide("8BITMIME");
  client.Mail({.body = BodyType::k7Bit});
  EXPECT_EQ(client.Rcpt("u").code, 250);
  // 8BIT content must not be sent as if it were 7BIT (RFC 6152 3).
  client.Mail({.body = BodyType::k8BitMime});
  const Reply reply = client.Rcpt("u");
  EXPECT_EQ(reply.code, 554);
  EXPECT_EQ(reply.enhanced, (EnhancedCode{5, 6, 3}));
  EXPECT_TRUE(absl::StrContains(reply.text, "8BITMIME")) << reply.text;
}

TEST(ForwardTransactionTest, MessageThatNeedsSmtpUtf8) {
  VirtualHops hops;
  Client client(&hops);
  client.Mail({.smtp_utf8 = true});
  EXPECT_EQ(client.Rcpt("\u00fc").code, 250);
  EXPECT_EQ(client.Open().code, 354);
  client.Write("Subject: \u00fc\r\n\r\n");
  EXPECT_EQ(client.Commit().code, 250);
  ASSERT_EQ(hops.At(kHop).messages().size(), 1u);
  EXPECT_THAT(hops.At(kHop).messages()[0].to(),
              ElementsAre("\u00fc@d.example"));
  client.Reset();
  hops.AdvanceTime(absl::Minutes(1));
  hops.At(kHop).On(rig::Ehlo()).Hide("SMTPUTF8");
  client.Mail({.smtp_utf8 = true});
  EXPECT_EQ(client.Rcpt("u").enhanced, (EnhancedCode{5, 6, 9}));
  // Other messages are not affected.
  EXPECT_EQ(client.Send().code, 250);
}

TEST(ForwardTransactionTest, AddressThatCannotBeSentIsRefusedAlone) {
  VirtualHops hops;
  Client client(&hops);
  client.Mail();
  EXPECT_EQ(client.Rcpt("a\r\nRCPT TO:<b").code, 553);
  EXPECT_EQ(client.Rcpt("u").code, 250);
  EXPECT_EQ(client.Rcpt(std::string(1, '\0')).code, 553);
}

TEST(ForwardTransactionTest, AbandonedTransactionSendsNothing) {
  VirtualHops hops;
  Client client(&hops);
  client.Mail();
  EXPECT_EQ(client.Rcpt("u").code, 250);
  client.Reset();
  EXPECT_EQ(client.Send().code, 250);  // on the same connection, after RSET
  client.Mail();
  EXPECT_EQ(client.Rcpt("v").code, 250);
  EXPECT_EQ(client.Open().code, 354);
  client.Write("half");
  client.Reset();  // within the content: the connection has to end
  hops.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(hops.At(kHop).messages().size(), 1u);
  EXPECT_EQ(client.pool().connections(), 0u);
  EXPECT_THAT(hops.connects(), ElementsAre(kHop));
  EXPECT_EQ(client.Send().code, 250);
  EXPECT_THAT(hops.connects(), ElementsAre(kHop, kHop));
}

// The server replies when the end of the content has not left.
TEST(ForwardTransactionTest, ReplyBeforeTheEndOfTheContentAcceptsNothing) {
  for (const bool lmtp : {false, true}) {
    VirtualHops hops({.lmtp = lmtp});
    Client client(&hops, lmtp);
    client.Mail();
    EXPECT_EQ(client.Rcpt("u").code, 250);
    EXPECT_EQ(client.Open().code, 354);
    client.Write("x\r\n");
    hops.LimitWrites(0);
    hops.Inject(kHop, "250 2.0.0 early\r\n");
    const Reply reply = client.Commit();
    EXPECT_EQ(reply.code, 451);
    EXPECT_TRUE(absl::StrContains(reply.text, "invalid reply")) << reply.text;
    hops.LimitWrites(1 << 20);
    client.Reset();
    EXPECT_THAT(hops.At(kHop).messages(), IsEmpty());
  }
}

// The rest of the message must not leave before the next client's MAIL.
TEST(ForwardTransactionTest, ConnectionEndsAfterAnEarlyRefusal) {
  VirtualHops hops;
  Client client(&hops);
  client.Mail();
  EXPECT_EQ(client.Rcpt("u").code, 250);
  EXPECT_EQ(client.Open().code, 354);
  client.Write("x\r\n");
  hops.LimitWrites(0);
  hops.Inject(kHop, "552 5.3.4 early\r\n");
  EXPECT_EQ(client.Commit(), (Reply{552, {5, 3, 4}, "early"}));
  hops.LimitWrites(1 << 20);
  EXPECT_EQ(client.Send().code, 250);
  EXPECT_THAT(hops.connects(), ElementsAre(kHop, kHop));
  EXPECT_EQ(hops.At(kHop).messages().size(), 1u);
}

// A next hop that reads slowly must not accept the message after the client has
// got a refusal: the client sends it again.
TEST(ForwardTransactionTest, SlowContentEndsWhileTheClientWaits) {
  VirtualHops hops;
  Client client(&hops);
  client.Mail();
  EXPECT_EQ(client.Rcpt("u").code, 250);
  EXPECT_EQ(client.Open().code, 354);
  client.Write("Subject: x\r\n\r\n");
  hops.LimitWrites(0);
  const std::string line = absl::StrCat(std::string(4094, 'x'), "\r\n");
  for (int i = 0; i < 16; ++i) client.Write(line);
  int steps = 0;
  const Reply reply = client.Commit([&] {
    // 4 KiB every two minutes: the server makes progress.
    if (++steps % 240 == 0) hops.LimitWrites(4096);
  });
  EXPECT_EQ(reply.code, 451);
  EXPECT_TRUE(absl::StrContains(reply.text, "too slow")) << reply.text;
  hops.LimitWrites(1 << 20);
  hops.AdvanceTime(absl::Minutes(10));
  EXPECT_THAT(hops.At(kHop).messages(), IsEmpty());
  // It says nothing about the next message.
  EXPECT_EQ(client.Send().code, 250);
}

// The engine gives no such envelope. The client must get a reply even so.
TEST(ForwardTransactionTest, MessageWithoutRecipientHasAReply) {
  VirtualHops hops;
  Client client(&hops);
  hops.At(kHop).On(rig::Rcpt()).Reply(550, "5.1.1 no");
  client.Mail();
  EXPECT_EQ(client.Rcpt("u").code, 550);
  // Not after the timeout of the server.
  EXPECT_EQ(client.Open(),
            (Reply{451, {4, 5, 0}, "the next hop has no recipient (#4.5.0)"}));
}

TEST(ForwardTransactionTest, WriteReportsThatTheNextHopDoesNotRead) {
  VirtualHops hops;
  NextHop hop = *NextHop::Parse(NextHop::Kind::kSmtp, kHop);
  const ClientConfig config{.host_name = "us.example"};
  const auto pool = std::make_shared<HopPool>(
      hop, config, HopSecurity{},
      std::vector<std::shared_ptr<HopHealth>>{std::make_shared<HopHealth>()},
      &hops);
  Envelope envelope{.from = {"s", "x"}};
  {
    ForwardTransaction transaction(pool, envelope, {}, "smtp");
    int code = 0;
    (void)transaction.AddRecipient({.to = {"u", "d"}}, [&]() -> Policy::Done {
      return [&](Verdict verdict) { code = verdict.reply()->code; };
    });
    hops.Run();
    ASSERT_EQ(code, 250);
    envelope.to.push_back({{"u", "d"}, {}});
    bool opened = false;
    ASSERT_FALSE(transaction.Open(envelope, [&]() -> Policy::Done {
      return [&](const Verdict& verdict) { opened = verdict.accepted(); };
    }));
    EXPECT_FALSE(opened);  // 354 has not come
    hops.Run();
    EXPECT_TRUE(opened);
    hops.LimitWrites(0);
    const std::string block = std::string(4094, 'x') + "\r\n";
    const absl::string_view slice = block;
    size_t taken = 0;
    bool ready = false;
    while (transaction.Write({&slice, 1}, [&] { ready = true; })) {
      taken += slice.size();
      ASSERT_LT(taken, 2 * ForwardTransaction::kAhead);
      hops.Run();
    }
    hops.AdvanceTime(absl::Minutes(1));
    EXPECT_FALSE(ready);
    hops.LimitWrites(1 << 20);
    hops.Run();
    EXPECT_TRUE(ready);
  }
  hops.Run();
  pool->Shutdown();
  hops.Run();
}

// Where a next hop fails, and how.
struct Place {
  const char* name;
  rig::Stage stage;
  // Whether the next hop decides about this message there. Otherwise its
  // refusal is about this host, and must not reach the client.
  bool decides;
};
constexpr Place kPlaces[] = {
    {"connect", rig::Stage::kConnect, false},
    {"ehlo", rig::Stage::kEhlo, false},
    {"mail", rig::Stage::kMail, true},
    {"rcpt", rig::Stage::kRcpt, true},
    {"data", rig::Stage::kData, true},
    {"end", rig::Stage::kEnd, true},
};

class Faulty : public testing::TestWithParam<std::tuple<Place, bool>> {
 protected:
  const Place& place() const { return std::get<0>(GetParam()); }
  bool lmtp() const { return std::get<1>(GetParam()); }

  // Sends a message over a next hop that `break_it` has broken.
  Reply Send(absl::FunctionRef<void(rig::FaultBuilder&)> break_it) {
    VirtualHops hops({.lmtp = lmtp()});
    Client client(&hops, lmtp());
    rig::Pipe& hop = hops.At(kHop);
    {
      rig::FaultBuilder fault = hop.On({place().stage, ""});
      break_it(fault);
    }
    const Reply reply = client.Send();
    EXPECT_TRUE(hop.UnmetFaults().empty());
    // A message that the next hop has not accepted gets no 250.
    EXPECT_TRUE(reply.code != 250 || hop.messages().size() == 1u)
        << FormatReply(reply);
    return reply;
  }
  // An outage: temporary, and the text names what happened.
  void ExpectOutage(const Reply& reply, absl::string_view what) {
    EXPECT_EQ(reply.code, 451);
    EXPECT_EQ(reply.enhanced.class_, 4);
    EXPECT_TRUE(absl::StrContains(reply.text, "the next hop"))
        << FormatReply(reply);
    EXPECT_TRUE(absl::StrContains(reply.text, what)) << FormatReply(reply);
  }
};

TEST_P(Faulty, TemporaryRefusal) {
  const Reply reply =
      Send([](auto& fault) { fault.Reply(450, "4.2.1 come back"); });
  if (place().decides) {
    EXPECT_EQ(reply, (Reply{450, {4, 2, 1}, "come back"}));
  } else {
    ExpectOutage(reply, "450 4.2.1 come back");
  }
}

TEST_P(Faulty, PermanentRefusal) {
  // EHLO that is refused is followed by HELO, which is refused as well. There
  // is no such fallback in LMTP.
  const Reply reply = Send([](auto& fault) { fault.Reply(550, "5.7.1 no"); });
  if (place().decides) {
    EXPECT_EQ(reply, (Reply{550, {5, 7, 1}, "no"}));
  } else {
    ExpectOutage(reply, "550 5.7.1 no");
  }
}

TEST_P(Faulty, RefusalOfThisHostIsAnOutage) {
  for (const int code : {500, 502, 503, 530, 535, 538, 555}) {
    const Reply reply = Send([code](auto& fault) { fault.Reply(code, "bad"); });
    ExpectOutage(reply, absl::StrCat(code, " bad"));
  }
}

TEST_P(Faulty, Shutdown) {
  ExpectOutage(Send([](auto& fault) { fault.Reply(421, "4.3.2 going"); }),
               place().stage == rig::Stage::kConnect ? "" : "421 4.3.2 going");
}

TEST_P(Faulty, CloseBeforeAndInsideTheReply) {
  ExpectOutage(Send([](auto& fault) { fault.Close(rig::Cut::kBefore); }),
               "closed the connection");
  ExpectOutage(Send([](auto& fault) { fault.Close(rig::Cut::kInside); }),
               "closed the connection");
}

TEST_P(Faulty, CloseAfterTheReply) {
  const Reply reply = Send([](auto& fault) { fault.Close(rig::Cut::kAfter); });
  if (place().stage == rig::Stage::kEnd) {
    EXPECT_EQ(reply.code, 250);  // it was accepted
  } else {
    ExpectOutage(reply, "closed the connection");
  }
}

TEST_P(Faulty, Garbage) {
  for (const absl::string_view raw :
       {"not a reply\r\n", "250 bare LF\n", "1000 ?\r\n", "354 go\r\n354 x\r\n",
        "399 odd\r\n"}) {
    if (place().stage == rig::Stage::kData && absl::StartsWith(raw, "354")) {
      continue;
    }
    ExpectOutage(Send([raw](auto& fault) { fault.Raw(raw); }), "");
  }
}

TEST_P(Faulty, ReplyWithoutEnd) {
  ExpectOutage(Send([](auto& fault) {
                 fault.Raw(absl::StrCat("250-", std::string(5000, 'x')));
               }),
               "invalid reply");
}

// Send() limits the time: five minutes to RCPT, eight minutes to the end.
TEST_P(Faulty, Stall) {
  ExpectOutage(Send([](auto& fault) { fault.Stall(); }), "timeout");
}

TEST_P(Faulty, SlowReplyArrives) {
  EXPECT_EQ(Send([](auto& fault) { fault.Delay(absl::Seconds(40)); }).code,
            250);
}

TEST_P(Faulty, OctetsOfAReplyThatDripIsATimeout) {
  ExpectOutage(
      Send([](auto& fault) {
        fault.Raw(std::string("250 ") + std::string(1000, 'x')).WriteRate(1);
      }),
      "timeout");
}

std::string NameOf(const testing::TestParamInfo<Faulty::ParamType>& info) {
  return absl::StrCat(std::get<0>(info.param).name,
                      std::get<1>(info.param) ? "_lmtp" : "_smtp");
}
INSTANTIATE_TEST_SUITE_P(Places, Faulty,
                         testing::Combine(testing::ValuesIn(kPlaces),
                                          testing::Bool()),
                         NameOf);

TEST(ForwardTransactionTest, NextHopThatFailsWithinTheContent) {
  for (const bool lmtp : {false, true}) {
    VirtualHops hops({.lmtp = lmtp});
    Client client(&hops, lmtp);
    hops.At(kHop).On(rig::Content()).After(5).Close();
    EXPECT_EQ(client.Send("a long line\r\n").code, 451);
    hops.AdvanceTime(absl::Minutes(2));
    hops.At(kHop).ClearFaults();
    hops.At(kHop).On(rig::Content()).After(5).Stall();
    const Reply reply = client.Send("a long line\r\n");
    EXPECT_EQ(reply.code, 451);
    EXPECT_TRUE(absl::StrContains(reply.text, "timeout")) << reply.text;
    EXPECT_THAT(hops.At(kHop).messages(), IsEmpty());
  }
}

TEST(ForwardTransactionTest, LmtpRepliesArePassedToEachRecipient) {
  VirtualHops hops({.lmtp = true});
  Client client(&hops, /*lmtp=*/true);
  hops.At(kHop).On(rig::EndOfData("b@*")).Reply(552, "5.2.2 full");
  hops.At(kHop).On(rig::EndOfData("c@*")).Reply(450, "4.2.0 busy");
  client.Mail();
  for (const char* user : {"a", "b", "c"}) {
    EXPECT_EQ(client.Rcpt(user).code, 250);
  }
  EXPECT_EQ(client.Open().code, 354);
  client.Write("x\r\n");
  const std::vector<Reply> replies = client.CommitEach();
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_EQ(replies[0].code, 250);
  EXPECT_EQ(replies[1], (Reply{552, {5, 2, 2}, "full"}));
  EXPECT_EQ(replies[2], (Reply{450, {4, 2, 0}, "busy"}));
}

// RFC 2033: a connection that breaks between two replies.
TEST(ForwardTransactionTest, LmtpRepliesBeforeAFailureCount) {
  VirtualHops hops({.lmtp = true});
  Client client(&hops, /*lmtp=*/true);
  hops.At(kHop).On(rig::EndOfData("b@*")).Close(rig::Cut::kBefore);
  client.Mail();
  for (const char* user : {"a", "b"}) EXPECT_EQ(client.Rcpt(user).code, 250);
  EXPECT_EQ(client.Open().code, 354);
  client.Write("x\r\n");
  const std::vector<Reply> replies = client.CommitEach();
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(replies[0].code, 250);
  EXPECT_EQ(replies[1].code, 451);
}

// One reply to an SMTP client must be true for all recipients.
TEST(ForwardTransactionTest, MixedRepliesOfLmtpAreOneTemporaryRefusal) {
  const struct {
    int a, b;
    int one;
  } cases[] = {
      {250, 250, 250}, {550, 552, 550}, {250, 550, 451}, {550, 250, 451},
      {250, 450, 450}, {550, 450, 450}, {452, 451, 452},
  };
  for (const auto& c : cases) {
    VirtualHops hops({.lmtp = true});
    Client client(&hops, /*lmtp=*/true);
    hops.At(kHop).On(rig::EndOfData("a@*")).Reply(c.a, "text");
    hops.At(kHop).On(rig::EndOfData("b@*")).Reply(c.b, "text");
    client.Mail();
    for (const char* user : {"a", "b"}) EXPECT_EQ(client.Rcpt(user).code, 250);
    EXPECT_EQ(client.Open().code, 354);
    client.Write("x\r\n");
    EXPECT_EQ(client.Commit().code, c.one) << c.a << " " << c.b;
  }
}

// If this server and the next hop disagree about the recipients, no recipient
// may get the message.
TEST(ForwardTransactionTest, EnvelopeMustHaveTheRecipientsOfTheNextHop) {
  VirtualHops hops;
  NextHop hop = *NextHop::Parse(NextHop::Kind::kSmtp, kHop);
  const auto pool = std::make_shared<HopPool>(
      hop, ClientConfig{.host_name = "us.example"}, HopSecurity{},
      std::vector<std::shared_ptr<HopHealth>>{std::make_shared<HopHealth>()},
      &hops);
  for (const std::vector<const char*>& users : {std::vector<const char*>{"a"},
                                                {"a", "b", "c"},
                                                {"a", "x"},
                                                {"b", "b"},
                                                {"b", "a"}}) {
    Envelope envelope{.from = {"s", "x"}};
    ForwardTransaction transaction(pool, envelope, {}, "smtp");
    for (const char* user : {"a", "b"}) {
      (void)transaction.AddRecipient(
          {.to = {user, "d"}}, []() -> Policy::Done { return [](Verdict) {}; });
    }
    hops.Run();
    for (const char* user : users) envelope.to.push_back({{user, "d"}, {}});
    std::optional<Verdict> answer;
    const auto take = [&answer](Verdict verdict) {
      answer = std::move(verdict);
    };
    if (auto verdict = transaction.Open(
            envelope, [&]() -> Policy::Done { return take; })) {
      answer = std::move(verdict);
    }
    hops.Run();
    ASSERT_TRUE(answer);
    if (users == std::vector<const char*>{"b", "a"}) {
      EXPECT_TRUE(answer->accepted());
    } else {
      EXPECT_EQ(answer->reply()->code, 451);
    }
  }
  hops.Run();
  pool->Shutdown();
  hops.Run();
}

}  // namespace
}  // namespace postern::delivery
