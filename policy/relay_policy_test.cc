// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/relay_policy.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/delivery.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "policy/control/control_folder.h"
#include "policy/control/controls.h"
#include "policy/decision.h"
#include "policy/own_addresses.h"
#include "policy/relay_rules.h"

namespace postern::policy {
namespace {

class FakeAddresses : public OwnAddresses {
 public:
  absl::StatusOr<bool> Contains(const IpAddress& address) const override {
    if (address == IpAddress::V4({0, 0, 0, 1}))
      return absl::UnavailableError("no interfaces");
    return address == IpAddress::V4({127, 0, 0, 1});
  }
};

class RelayPolicyTest : public testing::Test {
 protected:
  RelayPolicyTest() {
    folder_.Write("me", "local.example\n");
    folder_.Write("rcpthosts", "local.example\n");
    folder_.Write("badmailfrom", "@bad.example\n");
    folder_.WriteCdb("morercpthosts.cdb", {{"more.example", ""}});
    absl::StatusOr<Controls> controls =
        ReadControls({.directory = folder_.path()});
    EXPECT_TRUE(controls.ok()) << controls.status();
    rules_ = std::make_shared<const RelayRules>(
        std::make_shared<const Controls>(*std::move(controls)),
        std::make_shared<const FakeAddresses>());
  }

  RelayPolicy::Observer Observer() {
    return [this](const Decision& decision, const SessionInfo& session) {
      seen_.push_back(FormatDecision(decision, session));
    };
  }

  // Returns the answer to `what`, which must come at once.
  template <typename What>
  static Verdict Ask(RelayPolicy& policy, What what,
                     SessionInfo session = SessionInfo()) {
    std::optional<Verdict> answer;
    postern::Ask ask;
    ask.what = std::move(what);
    policy.Decide(ask, std::make_shared<const SessionInfo>(std::move(session)),
                  [&](Verdict verdict) { answer = std::move(verdict); });
    EXPECT_TRUE(answer.has_value());
    return answer ? *answer : Verdict::Accept();
  }

  ControlFolder folder_;
  std::shared_ptr<const RelayRules> rules_;
  std::vector<std::string> seen_;
};

TEST_F(RelayPolicyTest, AcceptsEverythingButMailAndRcptUnseen) {
  RelayPolicy policy(rules_, Observer());
  const Verdict verdicts[] = {
      Ask(policy, Connected{}),
      Ask(policy, Hello{.client_name = "evil"}),
      Ask(policy, BodyBegin{}),
      Ask(policy, Verify{"u"}),
  };
  for (const Verdict& verdict : verdicts) {
    EXPECT_TRUE(verdict.accepted());
    EXPECT_FALSE(verdict.reply().has_value());
    EXPECT_FALSE(verdict.path().has_value());
  }
  EXPECT_TRUE(seen_.empty());
}

TEST_F(RelayPolicyTest, RewritesOurLiteralsInSenders) {
  RelayPolicy policy(rules_, Observer());
  EXPECT_EQ(Ask(policy, Mail{{"s", "[127.0.0.1]"}}).path(),
            (Path{"s", "local.example"}));
  for (const Path& from :
       {Path{"s", "[127.0.0.2]"}, Path{"s", "x.example"}, Path{}}) {
    const Verdict verdict = Ask(policy, Mail{from});
    EXPECT_TRUE(verdict.accepted());
    EXPECT_FALSE(verdict.path().has_value());
  }
  const Verdict unknown = Ask(policy, Mail{{"s", "[0.0.0.1]"}});
  EXPECT_EQ(unknown.kind(), Verdict::Kind::kDrop);
  EXPECT_EQ(unknown.reply(), NoAddressesReply());
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0],
            "mail decision=drop rule=control-error source=\"no interfaces\" "
            "ip=\"\" host=\"\" from=<s@[0.0.0.1]> reply=\"421 4.3.0 unable to "
            "figure out my IP addresses (#4.3.0)\"");
}

TEST_F(RelayPolicyTest, TellsOfSendersThatAreNotTheUsers) {
  folder_.Write("senders", "ann:ann@local.example\n");
  absl::StatusOr<Controls> controls =
      ReadControls({.directory = folder_.path(), .senders = true});
  ASSERT_TRUE(controls.ok()) << controls.status();
  RelayPolicy policy(std::make_shared<const RelayRules>(
                         std::make_shared<const Controls>(*std::move(controls)),
                         std::make_shared<const FakeAddresses>()),
                     Observer());
  SessionInfo session;
  session.identity = "ann";
  // It belongs to her as the envelope has it.
  EXPECT_EQ(Ask(policy, Mail{{"ann", "[127.0.0.1]"}}, session).path(),
            (Path{"ann", "local.example"}));
  EXPECT_TRUE(Ask(policy, Mail{}, session).accepted());
  EXPECT_TRUE(Ask(policy, Mail{{"bob", "x.example"}}).accepted());
  EXPECT_TRUE(seen_.empty());
  session.session_id = "abc";
  const Verdict verdict =
      Ask(policy, Mail{{"bob", "x.example"}, {}, /*message=*/3}, session);
  EXPECT_EQ(verdict.kind(), Verdict::Kind::kRefuse);
  EXPECT_EQ(verdict.reply()->code, 553);
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0],
            "session=abc id=abc-3 mail decision=refuse rule=senders "
            "source=\"user ann\" ip=\"\" "
            "host=\"\" from=<bob@x.example> reply=\"553 5.7.1 sorry, that "
            "sender address isn't yours (#5.7.1)\"");
}

// qmail-smtpd behaviour 21.
TEST_F(RelayPolicyTest, BadSenderShowsAtTheRecipient) {
  RelayPolicy policy(rules_, Observer());
  const Path from = {"s", "bad.example"};
  EXPECT_TRUE(Ask(policy, Mail{from}).accepted());
  SessionInfo session;
  session.relay_client = "";
  const Verdict verdict =
      Ask(policy, Rcpt{from, {"u", "local.example"}}, session);
  EXPECT_EQ(verdict.kind(), Verdict::Kind::kRefuse);
  EXPECT_EQ(verdict.reply()->code, 553);
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0],
            "rcpt decision=refuse rule=badmailfrom source=" +
                folder_.File("badmailfrom") +
                ":1 ip=\"\" host=\"\" from=<s@bad.example> "
                "to=<u@local.example> reply=\"553 5.7.1 sorry, your envelope "
                "sender is in my badmailfrom list (#5.7.1)\"");
}

// Knows one mailbox, and keeps who was asked about.
class OneMailbox : public Policy {
 public:
  void Decide(const postern::Ask& ask, const SharedSessionInfo&,
              Done done) override {
    const Path& to = std::get<Rcpt>(ask.what).to;
    asked.push_back(to.Address());
    if (to.local_part == "u") return std::move(done)(Verdict::Accept());
    std::move(done)(
        Verdict::Refuse({550, {5, 1, 1}, "no mailbox"}).From("/home/v"));
  }
  std::vector<std::string> asked;
};

TEST_F(RelayPolicyTest, ARecipientWithoutAMailboxIsOneRefusal) {
  OneMailbox mailboxes;
  RelayPolicy policy(rules_, Observer(), &mailboxes);
  EXPECT_EQ(Ask(policy, Rcpt{{}, {"u", "[127.0.0.1]"}}).path(),
            (Path{"u", "local.example"}));
  EXPECT_EQ(Ask(policy, Rcpt{{}, {"v", "local.example"}}).reply()->code, 550);
  EXPECT_EQ(Ask(policy, Rcpt{{}, {"u", "evil"}}).reply()->code, 553);
  // As the envelope would have them, and only where the rules accept.
  EXPECT_EQ(mailboxes.asked,
            (std::vector<std::string>{"u@local.example", "v@local.example"}));
  ASSERT_EQ(seen_.size(), 3u);
  EXPECT_NE(seen_[0].find("decision=accept rule=rcpthosts"), std::string::npos);
  EXPECT_EQ(
      seen_[1],
      "rcpt decision=refuse rule=mailbox source=/home/v ip=\"\" host=\"\" "
      "from=<> to=<v@local.example> reply=\"550 5.1.1 no mailbox\"");
  EXPECT_NE(seen_[2].find("rule=not-listed"), std::string::npos);
}

// Serves one remote domain, as a delivery that forwards would.
class OneRoute : public Delivery {
 public:
  bool ServesRemote(const Path& recipient) const override {
    return recipient.domain == "routed.example";
  }
  Opened Open(const Envelope&, const SessionInfo&) override {
    return Reply{451, {4, 3, 0}, "not here"};
  }
};

TEST_F(RelayPolicyTest, MailThatNothingSendsOnIsRefusedAndNotKept) {
  OneRoute delivery;
  RelayPolicy policy(rules_, Observer(), nullptr, nullptr, &delivery);
  SessionInfo user;
  user.identity = "ann";
  SessionInfo relay;
  relay.relay_client = "";
  SessionInfo suffix;
  suffix.relay_client = "@more.example";
  const Reply refusal{550,
                      {5, 7, 1},
                      "sorry, that domain isn't mine, and there is no way to "
                      "send mail elsewhere (#5.7.1)"};
  const struct {
    Path to;
    SessionInfo session;
    bool served;
  } cases[] = {
      {{"u", "local.example"}, {}, true},
      {{"u", "local.example"}, user, true},
      {{"u", "more.example"}, relay, true},
      {{"u", "[127.0.0.1]"}, user, true},
      {{"postmaster", ""}, user, true},
      {{"u", "elsewhere.example"}, suffix, true},  // it is more.example's now
      {{"u", "routed.example"}, user, true},
      {{"u", "elsewhere.example"}, user, false},
      {{"u", "elsewhere.example"}, relay, false},
  };
  for (const auto& c : cases) {
    const Verdict verdict = Ask(policy, Rcpt{{}, c.to}, c.session);
    EXPECT_EQ(verdict.accepted(), c.served) << c.to.Address();
    EXPECT_EQ(verdict.reply().value_or(refusal), refusal);
  }
  EXPECT_EQ(seen_[7],
            "rcpt decision=refuse rule=no-relay source=\"user ann\" ip=\"\" "
            "host=\"\" from=<> to=<u@elsewhere.example> reply=\"550 5.7.1 "
            "sorry, that domain isn't mine, and there is no way to send mail "
            "elsewhere (#5.7.1)\"");
  // A client that may not relay gets the usual refusal.
  EXPECT_EQ(Ask(policy, Rcpt{{}, {"u", "elsewhere.example"}}).reply()->code,
            553);
}

TEST_F(RelayPolicyTest, AListThatCannotBeReadMakesNoRecipientRemote) {
  OneRoute delivery;
  RelayPolicy policy(rules_, Observer(), nullptr, nullptr, &delivery);
  SessionInfo user;
  user.identity = "ann";
  ASSERT_EQ(truncate(folder_.File("morercpthosts.cdb").c_str(), 2048), 0);
  const Verdict verdict = Ask(policy, Rcpt{{}, {"u", "more.example"}}, user);
  EXPECT_EQ(verdict.kind(), Verdict::Kind::kDrop);
  EXPECT_EQ(verdict.reply()->code, 421);
}

TEST_F(RelayPolicyTest, AnswersRecipientsByTheRulesAndTellsOfEach) {
  RelayPolicy policy(rules_, Observer());
  const Verdict plain = Ask(policy, Rcpt{{}, {"u", "local.example"}});
  EXPECT_TRUE(plain.accepted());
  EXPECT_FALSE(plain.path().has_value());
  const Verdict literal = Ask(policy, Rcpt{{}, {"u", "[127.0.0.1]"}});
  EXPECT_TRUE(literal.accepted());
  EXPECT_EQ(literal.path(), (Path{"u", "local.example"}));
  SessionInfo session;
  session.relay_client = "@fixme";
  const Verdict fixed = Ask(policy, Rcpt{{}, {"u", "evil"}}, session);
  EXPECT_EQ(fixed.path(), (Path{"u@evil", "fixme"}));
  const Verdict refused = Ask(policy, Rcpt{{}, {"u", "evil"}});
  EXPECT_EQ(refused.kind(), Verdict::Kind::kRefuse);
  EXPECT_EQ(refused.reply()->code, 553);
  const Verdict dropped = Ask(policy, Rcpt{{}, {"u", "[0.0.0.1]"}});
  EXPECT_EQ(dropped.kind(), Verdict::Kind::kDrop);
  EXPECT_EQ(dropped.reply()->code, 421);
  EXPECT_EQ(seen_.size(), 5u);
}

TEST_F(RelayPolicyTest, NeedsNoObserver) {
  RelayPolicy policy(rules_, nullptr);
  EXPECT_TRUE(Ask(policy, Rcpt{{}, {"u", "local.example"}}).accepted());
}

TEST_F(RelayPolicyTest, ThreadsShareOne) {
  std::atomic<int> seen = 0;
  RelayPolicy policy(rules_,
                     [&](const Decision&, const SessionInfo&) { ++seen; });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        EXPECT_TRUE(Ask(policy, Rcpt{{}, {"u", "more.example"}}).accepted());
        EXPECT_FALSE(Ask(policy, Rcpt{{}, {"u", "x.example"}}).accepted());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen, 4 * 400);
}

TEST_F(RelayPolicyTest, WhetherARecipientIsRemoteIsReadElsewhereToo) {
  OneRoute delivery;
  std::vector<absl::AnyInvocable<void() &&>> tasks;
  RelayPolicy policy(
      rules_, Observer(), nullptr,
      [&](auto task) { tasks.push_back(std::move(task)); }, &delivery);
  const auto relay = std::make_shared<SessionInfo>();
  relay->relay_client = "";
  const struct {
    Path to;
    bool elsewhere;
    bool accepted;
  } rows[] = {
      {{"u", "routed.example"}, false, true},
      {{"u", "more.example"}, true, true},
      {{"u", "far.example"}, true, false},
  };
  for (const auto& row : rows) {
    std::optional<bool> accepted;
    policy.Decide(
        {.what = Rcpt{.to = row.to}}, relay,
        [&](const Verdict& verdict) { accepted = verdict.accepted(); });
    EXPECT_EQ(tasks.size(), row.elsewhere ? 1u : 0u) << row.to.domain;
    for (auto& task : std::exchange(tasks, {})) std::move(task)();
    EXPECT_EQ(accepted, row.accepted) << row.to.domain;
  }
}

// What reads a database is decided by `run`, and nothing else is.
TEST_F(RelayPolicyTest, WhatReadsADatabaseIsDecidedElsewhere) {
  folder_.Write("senders", "ann:ann@local.example\n");
  folder_.WriteCdb("senders.cdb", {{"bob", "bob@local.example"}});
  folder_.Write("localiphost", "more.example\n");
  absl::StatusOr<Controls> controls =
      ReadControls({.directory = folder_.path(), .senders = true});
  ASSERT_TRUE(controls.ok()) << controls.status();
  std::vector<absl::AnyInvocable<void() &&>> tasks;
  RelayPolicy policy(std::make_shared<const RelayRules>(
                         std::make_shared<const Controls>(*std::move(controls)),
                         std::make_shared<const FakeAddresses>()),
                     Observer(), nullptr,
                     [&](auto task) { tasks.push_back(std::move(task)); });
  SessionInfo relay;
  relay.relay_client = "";
  SessionInfo user;
  user.identity = "bob";
  const struct {
    decltype(postern::Ask::what) what;
    SessionInfo session;
    bool elsewhere;
    bool accepted;
  } rows[] = {
      {Rcpt{.to = {"u", "local.example"}}, {}, false, true},
      {Rcpt{.to = {"u", "LOCAL.example"}}, {}, false, true},
      {Rcpt{.to = {"u", "more.example"}}, {}, true, true},
      {Rcpt{.to = {"u", "far.example"}}, {}, true, false},
      {Rcpt{.to = {"u", "[127.0.0.1]"}}, {}, true, true},
      {Rcpt{.to = {"u", "far.example"}}, relay, false, true},
      {Rcpt{.to = {"u", "far.example"}}, user, false, true},
      {Mail{{"s", "x.example"}}, {}, false, true},
      {Mail{{"bob", "local.example"}}, user, true, true},
      {Mail{{"ann", "local.example"}}, user, true, false},
      {Hello{.client_name = "c"}, user, false, true},
  };
  for (const auto& row : rows) {
    std::optional<bool> accepted;
    {
      postern::Ask ask;
      ask.what = row.what;
      policy.Decide(
          ask, std::make_shared<const SessionInfo>(row.session),
          [&](const Verdict& verdict) { accepted = verdict.accepted(); });
    }
    EXPECT_EQ(tasks.size(), row.elsewhere ? 1u : 0u);
    EXPECT_EQ(accepted.has_value(), !row.elsewhere);
    for (auto& task : std::exchange(tasks, {})) std::move(task)();
    EXPECT_EQ(accepted, row.accepted);
  }
}

}  // namespace
}  // namespace postern::policy
