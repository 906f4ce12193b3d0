// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Each fault of a next hop at each step of a message. Whatever the next hop
// does, the client gets a reply in time, a 250 only for a message that the next
// hop has, and a 5yz only if the next hop refused the message itself; and the
// next message finds a usable connection.

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rig/pipe.h"
#include "tests/forward/sender.h"
#include "tests/forward/virtual_hops.h"

namespace postern::delivery {
namespace {

using Kind = NextHop::Kind;

constexpr char kHop[] = "192.0.2.25:2525";

enum class Step : uint8_t {
  kGreeting,
  kEhlo,
  kMail,
  kRcpt,
  kData,
  kContent,
  kEnd,
};

struct StepRow {
  Step step;
  absl::string_view name;
  rig::Stage stage;
  bool about_message;     // a 5yz here is about the message
  absl::Duration within;  // the documented time of a hang: docs/limits.md
};
// A new connection that fails may follow a used one.
constexpr StepRow kSteps[] = {
    {Step::kGreeting, "greeting", rig::Stage::kConnect, false,
     absl::Seconds(60)},
    {Step::kEhlo, "ehlo", rig::Stage::kEhlo, false, absl::Seconds(60)},
    {Step::kMail, "mail", rig::Stage::kMail, true, absl::Minutes(4)},
    {Step::kRcpt, "rcpt", rig::Stage::kRcpt, true, absl::Minutes(4)},
    {Step::kData, "data", rig::Stage::kData, true, absl::Minutes(2)},
    {Step::kContent, "content", rig::Stage::kContent, true, absl::Minutes(7)},
    {Step::kEnd, "end", rig::Stage::kEnd, true, absl::Minutes(7)},
};

enum class Result : uint8_t {
  kAccepted,   // 250: the fault costs only time
  kTemporary,  // 451
  kAsRefused,  // the 5yz if it is about the message, otherwise 451
};

struct FaultRow {
  absl::string_view name;
  void (*set)(rig::FaultBuilder fault);
  Result result;
  bool of_reply = true;  // otherwise also of the content
  bool hangs = false;
};
constexpr FaultRow kFaults[] = {
    {"refuses",
     [](rig::FaultBuilder fault) { fault.Reply(554, "5.7.1 refused"); },
     Result::kAsRefused},
    {"refuses later",
     [](rig::FaultBuilder fault) { fault.Reply(450, "4.7.1 greylisted"); },
     Result::kTemporary},
    {"shuts down",
     [](rig::FaultBuilder fault) { fault.Reply(421, "4.3.2 shutting down"); },
     Result::kTemporary},
    {"is out of step",
     [](rig::FaultBuilder fault) { fault.Reply(503, "5.5.1 bad sequence"); },
     Result::kTemporary},
    {"wants authentication",
     [](rig::FaultBuilder fault) { fault.Reply(530, "5.7.0 authenticate"); },
     Result::kTemporary},
    {"hangs", [](rig::FaultBuilder fault) { fault.Stall(); },
     Result::kTemporary, /*of_reply=*/false, /*hangs=*/true},
    {"closes", [](rig::FaultBuilder fault) { fault.Close(rig::Cut::kBefore); },
     Result::kTemporary, /*of_reply=*/false},
    {"sends half a reply",
     [](rig::FaultBuilder fault) { fault.Close(rig::Cut::kInside); },
     Result::kTemporary},
    {"sends half a reply and hangs",
     [](rig::FaultBuilder fault) { fault.Raw("250-par"); }, Result::kTemporary,
     /*of_reply=*/true, /*hangs=*/true},
    {"sends garbage", [](rig::FaultBuilder fault) { fault.Raw("<html>\r\n"); },
     Result::kTemporary},
    {"sends binary garbage",
     [](rig::FaultBuilder fault) {
       fault.Raw(absl::string_view("\x16\x03\x01\0\r\n\r\n", 8));
     },
     Result::kTemporary},
    {"sends a wrong continuation",
     [](rig::FaultBuilder fault) { fault.Raw("250-a\r\n550 b\r\n"); },
     Result::kTemporary},
    {"is slow", [](rig::FaultBuilder fault) { fault.Delay(absl::Seconds(30)); },
     Result::kAccepted, /*of_reply=*/false},
    {"sends single octets", [](rig::FaultBuilder fault) { fault.Split(); },
     Result::kAccepted},
};

class HopFaultsTest : public testing::TestWithParam<bool> {
 protected:
  // Checks one cell. `used`: the connection has served a message before.
  void Check(const StepRow& step, const FaultRow& fault, bool used) {
    SCOPED_TRACE(absl::StrCat("at ", step.name, ", the server ", fault.name,
                              used ? ", on a used connection" : ""));
    const bool lmtp = GetParam();
    VirtualHops hops({.lmtp = lmtp});
    rig::Pipe& hop = hops.At(kHop);
    Sender sender(&hops, lmtp ? Kind::kLmtp : Kind::kSmtp, kHop);
    if (used) {
      ASSERT_EQ(sender.Send().code, 250);
    }
    const size_t before = hop.messages().size();
    fault.set(hop.On({step.stage, ""}));
    const auto since = hops.now();
    const Reply reply = sender.Send();
    const absl::Duration took = absl::FromChrono(hops.now() - since);
    sender.Reset();
    switch (fault.result) {
      case Result::kAccepted:
        EXPECT_EQ(reply.code, 250) << reply.text;
        break;
      case Result::kTemporary:
        EXPECT_EQ(reply.code / 100, 4) << reply.text;
        break;
      case Result::kAsRefused:
        EXPECT_EQ(reply.code, step.about_message ? 554 : 451) << reply.text;
        break;
    }
    EXPECT_NE(reply.text, "");
    // Not "queue file write error": the text has the cause.
    if (reply.code != 250) {
      EXPECT_TRUE(absl::StrContains(reply.text, "next hop") ||
                  absl::StrContains(reply.text, "refused") ||
                  absl::StrContains(reply.text, "greylisted"))
          << reply.text;
    }
    // No loss.
    if (reply.code == 250) {
      EXPECT_EQ(hop.messages().size(), before + 1);
    }
    // No hang.
    const absl::Duration most = fault.hangs ? step.within
                                : fault.result == Result::kAccepted
                                    ? absl::Seconds(90)
                                    : absl::ZeroDuration();
    EXPECT_LE(took, most + absl::Seconds(1));
    // The next client is not affected by the connection.
    hop.ClearFaults();
    hops.AdvanceTime(absl::Minutes(2));
    EXPECT_EQ(sender.pool().connections(), 0u);
    const size_t after = hop.messages().size();
    EXPECT_EQ(sender.Send().code, 250);
    EXPECT_EQ(hop.messages().size(), after + 1);
    EXPECT_EQ(hop.messages().back().raw(), "Subject: x\r\n\r\n.dot\r\n");
    EXPECT_EQ(sender.pool().connections(), 1u);
  }
};

TEST_P(HopFaultsTest, EachFaultAtEachStep) {
  for (const StepRow& step : kSteps) {
    for (const FaultRow& fault : kFaults) {
      if (step.step == Step::kContent && fault.of_reply) continue;
      Check(step, fault, /*used=*/false);
      if (step.step >= Step::kMail) Check(step, fault, /*used=*/true);
    }
  }
}

// The next server serves the client if the first one does not greet.
TEST_P(HopFaultsTest, AnotherServerReplacesOneThatDoesNotGreet) {
  for (const StepRow& step : kSteps) {
    if (step.step > Step::kEhlo) continue;
    for (const FaultRow& fault : kFaults) {
      if (fault.result == Result::kAccepted) continue;
      SCOPED_TRACE(absl::StrCat("at ", step.name, ", the server ", fault.name));
      VirtualHops hops({.lmtp = GetParam()});
      fault.set(hops.At(kHop).On({step.stage, ""}));
      Sender sender(&hops, GetParam() ? Kind::kLmtp : Kind::kSmtp,
                    absl::StrCat(kHop, ",192.0.2.26:2525"));
      EXPECT_EQ(sender.Send().code, 250);
      EXPECT_EQ(hops.At("192.0.2.26:2525").messages().size(), 1u);
    }
  }
}

// A client that ends its transaction without a message leaves RSET to this
// side. Whatever comes of it, the next client has a server without a sender.
TEST_P(HopFaultsTest, EachFaultAtReset) {
  for (const FaultRow& fault : kFaults) {
    SCOPED_TRACE(absl::StrCat("at rset, the server ", fault.name));
    VirtualHops hops({.lmtp = GetParam()});
    Sender sender(&hops, GetParam() ? Kind::kLmtp : Kind::kSmtp, kHop);
    fault.set(hops.At(kHop).On({rig::Stage::kRset, ""}));
    sender.Mail();
    EXPECT_EQ(sender.Rcpt("v").code, 250);
    sender.Reset();
    const auto since = hops.now();
    EXPECT_EQ(sender.Send().code, 250);
    EXPECT_EQ(hops.now(), since);
    ASSERT_EQ(hops.At(kHop).messages().size(), 1u);
    EXPECT_EQ(hops.At(kHop).messages()[0].to().size(), 1u);
    hops.AdvanceTime(absl::FromChrono(HopLink::kResetTimeout) +
                     absl::Seconds(30));
    EXPECT_EQ(sender.pool().connections(), 0u);
  }
}

TEST_P(HopFaultsTest, AServerThatIsDownCostsOneTimeout) {
  using State = VirtualHops::State;
  for (const State state : {State::kRefuses, State::kHangs}) {
    VirtualHops hops({.lmtp = GetParam()});
    hops.Set(kHop, state);
    Sender sender(&hops, GetParam() ? Kind::kLmtp : Kind::kSmtp, kHop);
    const auto since = hops.now();
    EXPECT_EQ(sender.Send().code, 451);
    EXPECT_LE(hops.now() - since,
              HopLink::kConnectTimeout + std::chrono::seconds(1));
    const auto then = hops.now();
    EXPECT_EQ(sender.Send().code, 451);
    EXPECT_EQ(hops.now(), then);
    hops.Set(kHop, State::kUp);
    hops.AdvanceTime(absl::Minutes(1));
    EXPECT_EQ(sender.Send().code, 250);
  }
}

INSTANTIATE_TEST_SUITE_P(Protocols, HopFaultsTest, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& info) {
                           return std::string(info.param ? "Lmtp" : "Smtp");
                         });

}  // namespace
}  // namespace postern::delivery
