// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegated_checks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/own_addresses.h"
#include "policy/checks.h"
#include "policy/control/controls.h"
#include "policy/delegation/policy_stand_in.h"

namespace postern::policy {
namespace {

using Action = PolicyStandIn::Action;

// Makes the checks of the programs with one option.
class DelegatedChecksTest : public testing::Test {
 protected:
  DelegatedChecksTest() {
    folder_.Write("me", "mx.example\n");
    folder_.Write("rcpthosts", "local.example\n");
    relay_.relay_client = "";
    user_.identity = "ann";
  }

  absl::StatusOr<std::shared_ptr<Checks>> Make(absl::string_view name,
                                               const std::string& value) {
    setup_.controls = std::make_shared<const Controls>(
        *ReadControls({.directory = folder_.path()}));
    setup_.own_addresses = std::make_shared<const net::InterfaceAddresses>();
    setup_.report = [this](absl::string_view line) {
      reported_.emplace_back(line);
    };
    setup_.option = [name, value](absl::string_view option) {
      return option == name ? value : std::string();
    };
    return Checks::Make(setup_);
  }
  // Returns the answer about a recipient, which must come at once.
  static Verdict Ask(Checks& checks, const SessionInfo& session = {},
                     const Path& to = {"u", "local.example"}) {
    postern::Ask ask;
    ask.what = Rcpt{.from = {"s", "x.example"}, .to = to, .message = 1};
    const auto verdict =
        checks.Decide(ask, std::make_shared<const SessionInfo>(session),
                      []() -> Policy::Done { return [](const Verdict&) {}; });
    EXPECT_TRUE(verdict.has_value());
    return verdict ? *verdict : Verdict::Accept();
  }
  // Returns the reply to a recipient, or "".
  static std::string Reply(const Verdict& verdict) {
    return verdict.reply() ? FormatReply(*verdict.reply()) : "";
  }
  // Returns the code of the reply to a recipient, or 0.
  static int Code(const Verdict& verdict) {
    return verdict.reply() ? verdict.reply()->code : 0;
  }
  // Writes a program and returns its path.
  std::string Program(const std::string& name, absl::string_view script) {
    folder_.Write(name, absl::StrCat("#!/bin/sh\n", script, "\n"));
    EXPECT_EQ(chmod(folder_.File(name).c_str(), 0755), 0);
    return folder_.File(name);
  }

  files::TestDirectory folder_;
  CheckSetup setup_;
  std::vector<std::string> reported_;
  SessionInfo relay_;
  SessionInfo user_;
};

constexpr absl::string_view kNoMailbox =
    "550 5.1.1 sorry, no mailbox here by that name. (#5.1.1)\r\n";

TEST_F(DelegatedChecksTest, TheRuleNamesTheProgram) {
  const std::string refuses = Program("refuses", "exit 100");
  const std::string accepts = Program("accepts", "exit 0");
  SessionInfo rule;
  // As cdb records may, the rule has the variable twice.
  rule.environment = {{"RCPTCHECK", accepts}, {"RCPTCHECK", refuses}};
  const auto plain = *Make("", "");
  EXPECT_TRUE(Ask(*plain).accepted());
  EXPECT_EQ(Reply(Ask(*plain, rule)), kNoMailbox);
  EXPECT_EQ(Ask(*plain, rule).rule(), "rcptcheck");
  EXPECT_EQ(Ask(*plain, rule).source(), refuses);
  const auto option = *Make("rcptcheck", refuses);
  EXPECT_EQ(Reply(Ask(*option)), kNoMailbox);
  rule.environment = {{"RCPTCHECK", accepts}};
  EXPECT_TRUE(Ask(*option, rule).accepted());
  // An empty variable does not turn the check off.
  rule.environment = {{"RCPTCHECK", ""}};
  EXPECT_EQ(Code(Ask(*option, rule)), 451);
}

TEST_F(DelegatedChecksTest, RcptCheckExemptsRelayClientsAndUsers) {
  const auto checks = *Make("rcptcheck", Program("refuses", "exit 100"));
  EXPECT_TRUE(Ask(*checks, relay_).accepted());
  EXPECT_TRUE(Ask(*checks, user_).accepted());
  for (SessionInfo session : {relay_, user_}) {
    session.environment = {{"RCPTCHECKRELAYCLIENT", "1"}};
    EXPECT_EQ(Reply(Ask(*checks, session)), kNoMailbox);
    session.environment = {{"RCPTCHECKRELAYCLIENT", "0"}};
    EXPECT_TRUE(Ask(*checks, session).accepted());
  }
}

// Also if the recipient was accepted because the client may relay.
TEST_F(DelegatedChecksTest, RcptHostsSaysWhetherTheDomainIsListed) {
  const auto checks = *Make(
      "rcptcheck", Program("listed", "[ \"$RCPTHOSTS\" = 1 ] || exit 100"));
  for (SessionInfo session : {relay_, user_}) {
    session.environment = {{"RCPTCHECKRELAYCLIENT", "1"}};
    EXPECT_TRUE(Ask(*checks, session).accepted());
    EXPECT_EQ(Reply(Ask(*checks, session, {"u", "elsewhere.example"})),
              kNoMailbox);
  }
}

TEST_F(DelegatedChecksTest, AProgramIsNotAskedAboutRefusedRecipients) {
  const std::string asked = folder_.File("asked");
  const auto checks =
      *Make("rcptcheck", Program("p", absl::StrCat("touch ", asked)));
  EXPECT_EQ(Ask(*checks, {}, {"u", "elsewhere.example"}).rule(), "not-listed");
  EXPECT_NE(access(asked.c_str(), F_OK), 0);
  EXPECT_TRUE(Ask(*checks).accepted());
  EXPECT_EQ(access(asked.c_str(), F_OK), 0);
}

TEST_F(DelegatedChecksTest, OptionsAreChecked) {
  EXPECT_EQ(Make("rcptcheck", "bin/check").status().message(),
            "--rcptcheck: not an absolute path: bin/check");
  EXPECT_TRUE(absl::StartsWith(
      Make("policy-server", "unix:/p smtp:x").status().message(),
      "--policy-server: \"smtp:x\": neither"));
}

TEST_F(DelegatedChecksTest, OkOpensNoRelay) {
  PolicyStandIn server(
      [](const std::string&) { return Action{"action=OK\n\n"}; });
  const auto checks = *Make("policy-server", server.address());
  EXPECT_TRUE(Ask(*checks).accepted());
  EXPECT_EQ(Ask(*checks).rule(), "rcpthosts");
  EXPECT_EQ(Ask(*checks, {}, {"u", "elsewhere.example"}).rule(), "not-listed");
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(DelegatedChecksTest, AnswersBecomeVerdicts) {
  PolicyStandIn server([](const std::string&) { return Action{}; });
  const auto checks = *Make("policy-server", server.address());
  server.Answer({"action=DEFER_IF_PERMIT 4.2.0 Greylisted\n\n"});
  const Verdict greylisted = Ask(*checks);
  EXPECT_EQ(Reply(greylisted), "450 4.2.0 Greylisted\r\n");
  EXPECT_EQ(greylisted.kind(), Verdict::Kind::kRefuse);
  EXPECT_EQ(greylisted.rule(), "policy-server");
  EXPECT_EQ(greylisted.source(), server.address());
  server.Answer({"action=421 4.7.0 bye\n\n"});
  EXPECT_EQ(Ask(*checks).kind(), Verdict::Kind::kDrop);
  server.Answer({"action=PREPEND X-Greylist: delayed\n\n"});
  const Verdict prepended = Ask(*checks);
  EXPECT_TRUE(prepended.accepted());
  EXPECT_EQ(prepended.header(), "X-Greylist: delayed\r\n");
  server.Answer({"action=WARN odd\n\n"});
  EXPECT_TRUE(Ask(*checks).accepted());
  EXPECT_EQ(Ask(*checks).header(), "");
  EXPECT_EQ(reported_.back(), absl::StrCat(server.address(), ": WARN odd"));
}

TEST_F(DelegatedChecksTest, AllServersAreAskedInOrder) {
  const auto says = [](absl::string_view action) {
    return [action](const std::string&) {
      return Action{absl::StrCat("action=", action, "\n\n")};
    };
  };
  PolicyStandIn first(says("PREPEND A: 1"));
  PolicyStandIn second(says("OK"));
  PolicyStandIn third(says("PREPEND B: 2"));
  PolicyStandIn refuses(says("REJECT 5.7.1 no"));
  const std::string three = absl::StrCat(first.address(), " ", second.address(),
                                         " ", third.address());
  EXPECT_EQ(Ask(**Make("policy-server", three)).header(), "A: 1\r\nB: 2\r\n");
  const auto four =
      *Make("policy-server", absl::StrCat(three, " ", refuses.address()));
  const Verdict refused = Ask(*four);
  EXPECT_EQ(Reply(refused), "554 5.7.1 no\r\n");
  EXPECT_EQ(refused.header(), "");
}

TEST_F(DelegatedChecksTest, ServersAreAskedAtTheirStage) {
  PolicyStandIn at_data([](const std::string& request) {
    const bool many = absl::StrContains(request, "\nrecipient_count=3\n") &&
                      absl::StrContains(request, "\nprotocol_state=DATA\n");
    return Action{many ? "action=450 4.7.1 slow down\n\n"
                       : "action=PREPEND A: 1\n\n"};
  });
  const std::string server = absl::StrCat(at_data.address(), ",at=data");
  const auto checks = *Make("policy-server", server);
  const auto data = [](Checks& asked, size_t recipients,
                       const SessionInfo& session = {}) {
    postern::Ask ask;
    ask.what = BodyBegin{.recipients = recipients, .message = 1};
    return *asked.Decide(
        ask, std::make_shared<const SessionInfo>(session),
        []() -> Policy::Done { return [](const Verdict&) {}; });
  };
  EXPECT_EQ(Ask(*checks).header(), "");
  EXPECT_EQ(data(*checks, 2).header(), "A: 1\r\n");
  EXPECT_EQ(Reply(data(*checks, 3)), "450 4.7.1 slow down\r\n");
  EXPECT_EQ(data(*checks, 3).rule(), "policy-server");
  EXPECT_TRUE(data(*checks, 3, user_).accepted());
  const auto all = *Make("policy-server", absl::StrCat(server, ",all-clients"));
  EXPECT_EQ(Code(data(*all, 3, user_)), 450);
  const auto nowhere =
      *Make("policy-server", "unix:/nonexistent/server,at=data");
  EXPECT_TRUE(Ask(*nowhere).accepted());
  EXPECT_EQ(Code(data(*nowhere, 1)), 451);
}

TEST_F(DelegatedChecksTest, AnOutageIsATemporaryRefusal) {
  PolicyStandIn server([](const std::string&) { return Action{}; });
  const auto checks =
      *Make("policy-server", absl::StrCat(server.address(), ",timeout=1"));
  const Action outages[] = {
      {"", /*close=*/true},
      {},  // hangs
      {"action=DU", /*close=*/true},
      {"\n"},
      {"no answer\n\n"},
      {"action=HOLD\n\n"},
      {"x=\n", false, /*forever=*/true},
  };
  for (const Action& outage : outages) {
    server.Answer(outage);
    const Verdict verdict = Ask(*checks);
    EXPECT_EQ(Reply(verdict),
              "451 4.3.5 unable to ask a policy server (#4.3.5)\r\n")
        << outage.send;
    EXPECT_EQ(verdict.kind(), Verdict::Kind::kRefuse);
    EXPECT_TRUE(absl::StartsWith(verdict.source(), server.address()));
  }
  server.Answer({"action=DUNNO\n\n"});
  EXPECT_TRUE(Ask(*checks).accepted());
  const auto none = *Make("policy-server", "unix:/nonexistent/policy");
  EXPECT_EQ(Code(Ask(*none)), 451);
  EXPECT_EQ(Ask(*none).source(),
            "unix:/nonexistent/policy: connect: No such file or directory");
}

TEST_F(DelegatedChecksTest, AnOutageMayBeIgnored) {
  PolicyStandIn next(
      [](const std::string&) { return Action{"action=REJECT\n\n"}; });
  const std::string down = "unix:/nonexistent/policy,ignore-outage";
  EXPECT_TRUE(Ask(**Make("policy-server", down)).accepted());
  EXPECT_EQ(reported_.back(),
            "unix:/nonexistent/policy: connect: No such file or directory, "
            "ignored");
  // The other servers are asked.
  EXPECT_EQ(Code(Ask(**Make("policy-server",
                            absl::StrCat(down, " ", next.address())))),
            554);
}

TEST_F(DelegatedChecksTest, RelayClientsAndUsersAreExemptUnlessAsked) {
  PolicyStandIn server(
      [](const std::string&) { return Action{"action=REJECT\n\n"}; });
  const auto usual = *Make("policy-server", server.address());
  const auto all =
      *Make("policy-server", absl::StrCat(server.address(), ",all-clients"));
  for (const SessionInfo& session : {relay_, user_}) {
    EXPECT_TRUE(Ask(*usual, session).accepted());
    EXPECT_EQ(Code(Ask(*all, session)), 554);
  }
  EXPECT_EQ(Code(Ask(*usual)), 554);
  EXPECT_EQ(server.requests().size(), 3u);
  EXPECT_TRUE(absl::StrContains(server.requests()[1], "sasl_username=ann\n"));
}

// A server that hangs must not use all threads of the pool.
TEST_F(DelegatedChecksTest, QuestionsUseALimitedNumberOfThreads) {
  PolicyStandIn server(
      [](const std::string&) { return Action{"action=DUNNO\n\n"}; });
  std::vector<absl::AnyInvocable<void() &&>> tasks;
  setup_.run = [&](auto task) { tasks.push_back(std::move(task)); };
  const auto checks = *Make("policy-server", server.address());
  postern::Ask ask;
  ask.what = Rcpt{.to = {"u", "local.example"}};
  const auto session = std::make_shared<const SessionInfo>();
  size_t answered = 0;
  const auto later = [&]() -> Policy::Done {
    return [&](const Verdict& verdict) {
      EXPECT_TRUE(verdict.accepted());
      ++answered;
    };
  };
  constexpr size_t kQuestions = kDelegatedAtOnce + 5;
  for (size_t i = 0; i < kQuestions; ++i) {
    EXPECT_FALSE(checks->Decide(ask, session, later));
  }
  EXPECT_EQ(tasks.size(), kDelegatedAtOnce);
  EXPECT_EQ(answered, 0u);
  // Each task that ends makes room for another question.
  while (!tasks.empty()) {
    auto task = std::move(tasks.front());
    tasks.erase(tasks.begin());
    std::move(task)();
  }
  EXPECT_EQ(answered, kQuestions);
}

}  // namespace
}  // namespace postern::policy
