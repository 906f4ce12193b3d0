// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a next hop gets to know about the client: the words xclient, xforward
// and proxy, and the parameters of MAIL and RCPT.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/pipe.h"
#include "tests/forward/sender.h"
#include "tests/forward/virtual_hops.h"

namespace postern::delivery {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = NextHop::Kind;
using Text = XClientValue<std::string>;

constexpr char kHop[] = "192.0.2.25:2525";
constexpr char kMail[] = "MAIL FROM:<s@x.example>";

ProxiedClient ClientAt(absl::string_view address, std::string user) {
  ProxiedClient client;
  client.client.address = {.value = IpAddress::Parse(address)};
  client.client.port = {.value = 4711};
  client.client.destination_address = {.value = IpAddress::Parse("192.0.2.9")};
  client.client.destination_port = {.value = 25};
  if (!user.empty()) client.client.login = Text{.value = std::move(user)};
  return client;
}

// The server announces `keywords`.
void Announce(VirtualHops* hops, absl::string_view keywords,
              bool proxy = false) {
  hops->TakeClients(kHop, proxy);
  hops->At(kHop)
      .On(rig::Ehlo())
      .Raw(absl::StrCat(
          "250-rig.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 ",
          keywords, "\r\n"));
}

TEST(ProxiedClientTest, EachTransactionNamesItsClientWithXClient) {
  VirtualHops hops;
  Announce(&hops, "XCLIENT ADDR LOGIN NAME");
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",xclient"));
  sender.client = ClientAt("192.0.2.1", "u@x");
  EXPECT_EQ(sender.Send().code, 250);
  sender.client = ClientAt("2001:db8::1", "");
  EXPECT_EQ(sender.Send().code, 250);
  // The second client has not got the user of the first.
  EXPECT_THAT(
      hops.clients(kHop),
      ElementsAre("XCLIENT ADDR=192.0.2.1 LOGIN=u@x NAME=[UNAVAILABLE]", kMail,
                  "XCLIENT ADDR=IPV6:2001:db8::1 LOGIN=[UNAVAILABLE] "
                  "NAME=[UNAVAILABLE]",
                  kMail));
  EXPECT_THAT(hops.connects(), ElementsAre(kHop));
  EXPECT_EQ(hops.At(kHop).messages().size(), 2u);
}

// Otherwise it would decide with the rights of this host.
TEST(ProxiedClientTest, NoMailLeavesWithoutXClient) {
  struct Row {
    std::string keywords;
    std::string reply;
    std::string text;
  };
  const Row rows[] = {
      {"XFORWARD ADDR", "", "does not offer XCLIENT"},
      {"XCLIENT NAME LOGIN", "", "does not offer XCLIENT"},
      {"XCLIENT ADDR", "550 5.7.0 insufficient authorization\r\n",
       "does not serve the client that XCLIENT names: 550 5.7.0 insuf"},
      {"XCLIENT ADDR", "454 4.3.0 later\r\n", "names: 454 4.3.0 later"},
      {"XCLIENT ADDR", "421 4.3.2 bye\r\n", "421 4.3.2 bye"},
      {"XCLIENT ADDR", "nonsense\r\n", "sent an invalid reply"},
      {"XCLIENT ADDR", "554 5.7.1 you are blocked\r\n", "554 5.7.1 you are"},
  };
  for (const Row& row : rows) {
    VirtualHops hops;
    Announce(&hops, row.keywords);
    hops.SetReplies(kHop, row.reply);
    Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",xclient"));
    sender.client = ClientAt("192.0.2.1", "");
    for (int i = 0; i < 2; ++i) {
      const Reply reply = sender.Send();
      EXPECT_EQ(reply.code, 451) << row.text;
      EXPECT_TRUE(absl::StrContains(reply.text, row.text)) << reply.text;
    }
    for (const std::string& line : hops.clients(kHop)) {
      EXPECT_NE(line, kMail);
    }
    EXPECT_EQ(sender.pool().connections(), 0u);
  }
}

// The EHLO after XCLIENT replaces the HELO of XCLIENT at Postfix. After a PROXY
// header it is the only name that the server gets.
TEST(ProxiedClientTest, TheEhloForAClientIsThatOfTheClient) {
  for (const char* word : {"xclient", "proxy"}) {
    for (const char* helo : {"spike.example", "-no name-"}) {
      VirtualHops hops;
      Announce(&hops, "XCLIENT ADDR HELO", *word == 'p');
      Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",", word));
      sender.client = ClientAt("192.0.2.1", "");
      sender.client.client.helo = Text{.value = helo};
      EXPECT_EQ(sender.Send().code, 250);
      sender.pool().Shutdown();
      hops.Run();
      const std::string session =
          hops.At(kHop).sessions().back().transcript->Format();
      EXPECT_TRUE(absl::StrContains(
          session, *helo == '-' ? "EHLO [192.0.2.1]" : "EHLO spike.example"))
          << session;
      EXPECT_FALSE(absl::StrContains(session, "us.example")) << session;
    }
  }
}

// The refusal may be about this client, so the server stays in use for others.
TEST(ProxiedClientTest, TheNextServerGetsAClientThatOneRefuses) {
  constexpr char kOther[] = "192.0.2.26:2525";
  for (const char* refusal :
       {"550 5.7.0 insufficient authorization\r\n", "421 4.3.2 bye\r\n",
        "454 4.3.0 later\r\n", "nonsense\r\n"}) {
    VirtualHops hops;
    Announce(&hops, "XCLIENT ADDR");
    hops.SetReplies(kHop, refusal);
    hops.TakeClients(kOther, /*proxy=*/false);
    hops.At(kOther).On(rig::Ehlo()).Raw("250-rig\r\n250 XCLIENT ADDR\r\n");
    Sender sender(&hops, Kind::kSmtp,
                  absl::StrCat(kHop, ",", kOther, ",xclient"));
    sender.client = ClientAt("192.0.2.1", "");
    EXPECT_EQ(sender.Send().code, 250) << refusal;
    EXPECT_THAT(hops.connects(), ElementsAre(kHop, kOther)) << refusal;
    EXPECT_TRUE(sender.health(0).works());
    // Both refuse it: the client gets the reply of the last one.
    hops.SetReplies(kOther, "550 5.7.1 you are blocked\r\n");
    sender.client = ClientAt("192.0.2.2", "");
    const Reply reply = sender.Send();
    EXPECT_EQ(reply.code, 451);
    EXPECT_TRUE(absl::StrContains(reply.text, "you are blocked")) << reply.text;
    // The connection that was kept, and then each server once.
    EXPECT_THAT(hops.connects(), ElementsAre(kHop, kOther, kHop, kOther))
        << refusal;
    for (const std::string& line : hops.clients(kHop)) EXPECT_NE(line, kMail);
  }
}

// It gets no client, and another server does.
TEST(ProxiedClientTest, AServerWithoutXClientIsLeftOut) {
  constexpr char kOther[] = "192.0.2.26:2525";
  VirtualHops hops;
  Announce(&hops, "HELP");
  hops.TakeClients(kOther, /*proxy=*/false);
  hops.At(kOther).On(rig::Ehlo()).Raw("250-rig\r\n250 XCLIENT ADDR\r\n");
  Sender sender(&hops, Kind::kSmtp,
                absl::StrCat(kHop, ",", kOther, ",xclient"));
  sender.client = ClientAt("192.0.2.1", "");
  EXPECT_EQ(sender.Send().code, 250);
  EXPECT_FALSE(sender.health(0).works());
  EXPECT_EQ(sender.Send().code, 250);
  EXPECT_THAT(hops.connects(), ElementsAre(kHop, kOther));
}

// A server may offer XCLIENT to this host, and not to the client.
TEST(ProxiedClientTest, AUsedConnectionWithoutXClientServesNoOther) {
  VirtualHops hops;
  hops.TakeClients(kHop, /*proxy=*/false);
  hops.At(kHop)
      .On(rig::Ehlo())
      .Times(1)
      .Raw("250-rig.example\r\n250 XCLIENT ADDR\r\n");
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",xclient"));
  sender.client = ClientAt("192.0.2.1", "");
  EXPECT_EQ(sender.Send().code, 250);
  sender.client = ClientAt("192.0.2.2", "");
  EXPECT_EQ(sender.Send().code, 451);
  EXPECT_THAT(hops.clients(kHop), ElementsAre("XCLIENT ADDR=192.0.2.1", kMail));
  EXPECT_THAT(hops.connects(), ElementsAre(kHop, kHop));
}

TEST(ProxiedClientTest, XClientThatHangsCostsOneTimeout) {
  VirtualHops hops;
  Announce(&hops, "XCLIENT ADDR");
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",xclient"));
  sender.client = ClientAt("192.0.2.1", "");
  EXPECT_EQ(sender.Send().code, 250);
  // The EHLO after XCLIENT gets no reply.
  hops.At(kHop).On(rig::Connect()).Stall();
  const auto since = hops.now();
  EXPECT_EQ(sender.Send().code, 451);
  EXPECT_LE(hops.now() - since,
            HopLink::kNamingTimeout + std::chrono::seconds(1));
  const auto then = hops.now();
  EXPECT_EQ(sender.Send().code, 451);
  EXPECT_EQ(hops.now(), then);
}

TEST(ProxiedClientTest, XForwardPrecedesEachMail) {
  VirtualHops hops;
  Announce(&hops, "XFORWARD ADDR SOURCE");
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",xforward"));
  sender.client = ClientAt("192.0.2.1", "");
  sender.client.local = true;
  EXPECT_EQ(sender.Send().code, 250);
  sender.client = ClientAt("192.0.2.2", "");
  // It is for the log only, so a refusal changes nothing.
  hops.SetReplies(kHop, "", "501 5.5.4 bad ADDR\r\n");
  EXPECT_EQ(sender.Send().code, 250);
  EXPECT_THAT(hops.clients(kHop),
              ElementsAre("XFORWARD ADDR=192.0.2.1 SOURCE=LOCAL", kMail,
                          "XFORWARD ADDR=192.0.2.2 SOURCE=REMOTE", kMail));
  EXPECT_THAT(hops.connects(), ElementsAre(kHop));
}

TEST(ProxiedClientTest, ANextHopWithoutXForwardGetsTheMail) {
  VirtualHops hops;
  Announce(&hops, "HELP");
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",xforward"));
  sender.client = ClientAt("192.0.2.1", "");
  EXPECT_EQ(sender.Send().code, 250);
  EXPECT_THAT(hops.clients(kHop), ElementsAre(kMail));
}

TEST(ProxiedClientTest, NothingIsNamedWithoutAWord) {
  for (const char* keywords : {"XCLIENT ADDR", "XFORWARD ADDR"}) {
    VirtualHops hops;
    Announce(&hops, keywords);
    Sender sender(&hops, Kind::kSmtp, kHop);
    sender.client = ClientAt("192.0.2.1", "");
    EXPECT_EQ(sender.Send().code, 250);
    EXPECT_THAT(hops.clients(kHop), ElementsAre(kMail));
  }
}

// The server takes everything on the connection for this client.
TEST(ProxiedClientTest, AConnectionWithAProxyHeaderServesOneTransaction) {
  VirtualHops hops;
  Announce(&hops, "HELP", /*proxy=*/true);
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",proxy"));
  sender.client = ClientAt("192.0.2.1", "");
  EXPECT_EQ(sender.Send().code, 250);
  sender.client = ClientAt("2001:db8::1", "");
  EXPECT_EQ(sender.Send().code, 250);
  // A transaction that ends after its recipients.
  sender.client = ClientAt("192.0.2.3", "");
  sender.Mail();
  EXPECT_EQ(sender.Rcpt("u").code, 250);
  sender.Reset();
  sender.client = ClientAt("192.0.2.4", "");
  EXPECT_EQ(sender.Send().code, 250);
  EXPECT_THAT(hops.clients(kHop), ElementsAre("PROXY 192.0.2.1:4711", kMail,
                                              "PROXY 2001:db8::1:4711", kMail,
                                              "PROXY 192.0.2.3:4711", kMail,
                                              "PROXY 192.0.2.4:4711", kMail));
  hops.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(sender.pool().connections(), 0u);
}

// A client that leaves while its connection is being made.
TEST(ProxiedClientTest, AConnectionForOneClientServesNoOther) {
  VirtualHops hops;
  Announce(&hops, "HELP", /*proxy=*/true);
  hops.At(kHop).On(rig::Connect()).Times(1).Delay(absl::Seconds(5));
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",proxy"));
  sender.client = ClientAt("192.0.2.1", "");
  sender.Mail();
  const auto left = sender.BeginRcpt("u");
  hops.Run();
  sender.client = ClientAt("192.0.2.2", "");
  sender.Mail();  // the first client is gone
  EXPECT_EQ(sender.Rcpt("u").code, 250);
  EXPECT_THAT(hops.clients(kHop), ElementsAre("PROXY 192.0.2.1:4711",
                                              "PROXY 192.0.2.2:4711", kMail));
}

TEST(ProxiedClientTest, AClientWithoutAddressIsRefused) {
  VirtualHops hops;
  Announce(&hops, "HELP", /*proxy=*/true);
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",proxy"));
  EXPECT_EQ(sender.Send().code, 451);
  EXPECT_THAT(hops.connects(), IsEmpty());
  sender.client = ClientAt("192.0.2.1", "");
  EXPECT_EQ(sender.Send().code, 250);
}

// Its replies to the header would be taken for those to the commands.
TEST(ProxiedClientTest, AServerThatExpectsNoHeaderGetsNoMail) {
  VirtualHops hops;
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",proxy"));
  sender.client = ClientAt("192.0.2.1", "");
  const Reply reply = sender.Send();
  EXPECT_EQ(reply.code, 451) << reply.text;
  EXPECT_THAT(hops.At(kHop).messages(), IsEmpty());
  EXPECT_EQ(sender.pool().connections(), 0u);
}

TEST(ParametersTest, AMessageLargerThanTheLimitOfTheNextHopIsRefusedEarly) {
  struct Row {
    std::string limit;
    uint64_t size;
    int code;
  };
  const Row rows[] = {{"SIZE 1000", 1000, 250}, {"SIZE 1000", 1001, 552},
                      {"SIZE 0", 1001, 250},    {"SIZE", 1001, 250},
                      {"SIZE x", 1001, 250},    {"HELP", 1001, 250}};
  for (const Row& row : rows) {
    VirtualHops hops;
    hops.At(kHop)
        .On(rig::Ehlo())
        .Raw(absl::StrCat("250-rig.example\r\n250 ", row.limit, "\r\n"));
    Sender sender(&hops, Kind::kSmtp, kHop);
    sender.parameters.size = row.size;
    sender.Mail();
    const Reply reply = sender.Rcpt("u");
    EXPECT_EQ(reply.code, row.code) << row.limit;
    if (row.code == 552) {
      EXPECT_EQ(reply.enhanced, (EnhancedCode{5, 3, 4}));
    }
    // The connection stays usable.
    sender.Reset();
    sender.parameters.size.reset();
    EXPECT_EQ(sender.Send().code, 250);
    EXPECT_THAT(hops.connects(), ElementsAre(kHop));
  }
}

TEST(ParametersTest, DsnIsPassedOn) {
  VirtualHops hops;
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",dsn"));
  sender.parameters = {.ret = Ret::kHeaders, .envid = "QQ 1"};
  sender.rcpt = {.notify = Notify{.success = true, .delay = true},
                 .orcpt = Orcpt{"rfc822", "a@b"}};
  EXPECT_EQ(sender.Send().code, 250);
  const auto messages = hops.At(kHop).messages();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].envelope().parameters.ret, Ret::kHeaders);
  EXPECT_EQ(messages[0].envelope().parameters.envid, "QQ 1");
  ASSERT_EQ(messages[0].envelope().to.size(), 1u);
  EXPECT_EQ(messages[0].envelope().to[0].parameters, sender.rcpt);
}

// RFC 3461 5.2.2
TEST(ParametersTest, DsnThatCannotBeFollowedIsNotDropped) {
  struct Row {
    std::optional<Notify> notify;
    int code;
  };
  const Row rows[] = {
      {std::nullopt, 250},
      {Notify{.failure = true}, 250},
      {Notify{.failure = true, .delay = true}, 250},
      {Notify{.success = true}, 451},
      {Notify{.success = true, .failure = true}, 451},
      {Notify{.delay = true}, 451},
      {Notify{}, 451},  // NEVER
  };
  VirtualHops hops;
  hops.At(kHop).On(rig::Ehlo()).Hide("DSN");
  for (const Row& row : rows) {
    Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",dsn"));
    sender.parameters = {.ret = Ret::kFull, .envid = "1"};
    sender.rcpt = {.notify = row.notify, .orcpt = Orcpt{"rfc822", "a@b"}};
    sender.Mail();
    EXPECT_EQ(sender.Rcpt("u").code, row.code);
    // Another recipient is not affected.
    sender.rcpt = {};
    EXPECT_EQ(sender.Rcpt("v").code, 250);
  }
}

TEST(ParametersTest, BinaryContentIsSentInChunks) {
  for (const bool lmtp : {false, true}) {
    const std::string hop = absl::StrCat(kHop, ",binarymime");
    VirtualHops hops({.lmtp = lmtp});
    Sender sender(&hops, lmtp ? Kind::kLmtp : Kind::kSmtp, hop);
    sender.parameters.body = BodyType::kBinaryMime;
    const std::string content("\n.\r\n\0\r.\n", 8);
    EXPECT_EQ(sender.Send(content).code, 250);
    EXPECT_EQ(sender.Send("").code, 250);
    hops.At(kHop).On(rig::EndOfData()).Times(1).Reply(554, "5.6.0 no");
    EXPECT_EQ(sender.Send(content).code, 554);
    // After DATA, on the same connection.
    sender.parameters.body.reset();
    EXPECT_EQ(sender.Send(".\r\n").code, 250);
    const auto messages = hops.At(kHop).messages();
    ASSERT_EQ(messages.size(), 3u);
    EXPECT_EQ(messages[0].raw(), content);
    EXPECT_EQ(messages[1].raw(), "");
    EXPECT_EQ(messages[2].raw(), ".\r\n");
    EXPECT_THAT(hops.connects(), ElementsAre(kHop));
  }
}

TEST(ParametersTest, BinaryContentNeedsTheExtension) {
  for (const char* hidden : {"CHUNKING", "BINARYMIME"}) {
    VirtualHops hops;
    hops.At(kHop).On(rig::Ehlo()).Hide(hidden);
    Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",binarymime"));
    sender.parameters.body = BodyType::kBinaryMime;
    sender.Mail();
    const Reply reply = sender.Rcpt("u");
    EXPECT_EQ(reply.code, 451) << reply.text;
    EXPECT_TRUE(absl::StrContains(reply.text, "BINARYMIME")) << reply.text;
  }
}

TEST(LoopTest, AConnectionToThisServerIsNotUsed) {
  VirtualHops hops;
  hops.SetPlace(kHop, HopWire::Place::kThisServer);
  Sender sender(&hops, Kind::kSmtp, absl::StrCat(kHop, ",192.0.2.26:2525"));
  EXPECT_EQ(sender.Send().code, 250);
  EXPECT_THAT(hops.At(kHop).messages(), IsEmpty());
  Sender alone(&hops, Kind::kSmtp, kHop);
  const Reply reply = alone.Send();
  EXPECT_EQ(reply.code, 451);
  EXPECT_TRUE(absl::StrContains(reply.text, "mail loops back")) << reply.text;
}

TEST(LoopTest, AServerWithThisNameIsThisServer) {
  struct Row {
    std::string address;
    HopWire::Place place;
    std::string name;
    int code;
  };
  using Place = HopWire::Place;
  const Row rows[] = {
      {"192.0.2.25:25", Place::kElsewhere, "us.example", 451},
      {"192.0.2.25:25", Place::kElsewhere, "US.example", 451},
      {"192.0.2.25:25", Place::kElsewhere, "us.example.net", 250},
      {"192.0.2.25:25", Place::kElsewhere, "rig.example", 250},
      // Another server of this machine, which has its name.
      {"192.0.2.25:25", Place::kThisMachine, "us.example", 250},
      {"192.0.2.25:26", Place::kElsewhere, "us.example", 250},
      {"unix:/s", Place::kThisMachine, "us.example", 250},
  };
  for (const Row& row : rows) {
    VirtualHops hops({.host_name = row.name});
    hops.SetPlace(row.address, row.place);
    Sender sender(&hops, Kind::kSmtp, row.address);
    EXPECT_EQ(sender.Send().code, row.code) << row.address << " " << row.name;
  }
  // A mail store on the same machine has the name of the machine.
  VirtualHops hops({.host_name = "us.example", .lmtp = true});
  Sender sender(&hops, Kind::kLmtp, "192.0.2.25:24");
  EXPECT_EQ(sender.Send().code, 250);
}

TEST(ShutdownTest, IdleConnectionsGetQuit) {
  VirtualHops hops;
  Sender sender(&hops, Kind::kSmtp, kHop);
  EXPECT_EQ(sender.Send().code, 250);
  EXPECT_EQ(sender.pool().connections(), 1u);
  sender.pool().Shutdown();
  EXPECT_EQ(sender.pool().connections(), 0u);
  hops.Run();
  EXPECT_TRUE(absl::StrContains(
      hops.At(kHop).sessions().back().transcript->Format(), "QUIT"));
}

}  // namespace
}  // namespace postern::delivery
