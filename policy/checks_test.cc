// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/checks.h"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "engine/grammar/ip_address.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/own_addresses.h"
#include "policy/control/controls.h"
#include "policy/decision.h"
#include "policy/relay_checks.h"
#include "policy/rules/not_read.h"

namespace postern::policy {
namespace {

class FakeAddresses : public net::OwnAddresses {
 public:
  absl::StatusOr<bool> Contains(const IpAddress& address) const override {
    if (address == IpAddress::V4({0, 0, 0, 1})) {
      return absl::UnavailableError("no interfaces");
    }
    return address == IpAddress::V4({127, 0, 0, 1});
  }
};

class ChecksTest : public testing::Test {
 protected:
  ChecksTest() {
    folder_.Write("me", "local.example\n");
    folder_.Write("rcpthosts", "local.example\n");
    folder_.Write("badmailfrom", "@bad.example\n");
    folder_.WriteCdb("morercpthosts.cdb", {{"more.example", ""}});
  }

  // Makes the checks for the current content of the control files.
  std::shared_ptr<Checks> MakeChecks(CheckSetup setup = {},
                                     bool senders = false) {
    absl::StatusOr<Controls> controls =
        ReadControls({.directory = folder_.path(), .senders = senders});
    EXPECT_TRUE(controls.ok()) << controls.status();
    setup.controls = std::make_shared<const Controls>(*std::move(controls));
    setup.own_addresses = std::make_shared<const FakeAddresses>();
    absl::StatusOr<std::shared_ptr<Checks>> checks = Checks::Make(setup);
    EXPECT_TRUE(checks.ok()) << checks.status();
    return *checks;
  }

  // Returns the answer to `what`, which must come immediately.
  template <typename What>
  Verdict Ask(Policy& policy, What what, SessionInfo session = SessionInfo()) {
    postern::Ask ask;
    ask.what = std::move(what);
    const std::optional<Verdict> answer = policy.Decide(
        ask, std::make_shared<const SessionInfo>(session), NotLater);
    EXPECT_TRUE(answer.has_value());
    if (!answer) return Verdict::Accept();
    if (const auto decision = DecisionToLog(ask, *answer)) {
      seen_.push_back(FormatDecision(*decision, session));
    }
    return *answer;
  }

  // Returns whether the policy accepts. An answer that comes later goes into
  // `*late`.
  static std::optional<bool> Accepts(Policy& policy, const postern::Ask& ask,
                                     const SharedSessionInfo& session,
                                     std::optional<bool>* late) {
    const std::optional<Verdict> now =
        policy.Decide(ask, session, [late]() -> Policy::Done {
          return [late](Verdict verdict) { *late = verdict.accepted(); };
        });
    if (!now) return std::nullopt;
    return now->accepted();
  }
  static Policy::Done NotLater() {
    ADD_FAILURE() << "the answer comes later";
    return [](Verdict) {};
  }

  files::TestDirectory folder_;
  std::vector<std::string> seen_;
};

TEST_F(ChecksTest, AcceptsOtherCommandsWithoutALogLine) {
  const auto checks = MakeChecks();
  Policy& policy = *checks;
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

TEST_F(ChecksTest, ReplacesLiteralsOfThisHostInSenders) {
  const auto checks = MakeChecks();
  Policy& policy = *checks;
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
            "mail decision=drop rule=localiphost source=\"no interfaces\" "
            "ip=\"\" host=\"\" from=<s@[0.0.0.1]> reply=\"421 4.3.0 unable to "
            "figure out my IP addresses (#4.3.0)\"");
}

TEST_F(ChecksTest, LogsSendersThatAreNotTheUsers) {
  folder_.Write("senders", "ann:ann@local.example\n");
  const auto checks = MakeChecks({}, /*senders=*/true);
  Policy& policy = *checks;
  SessionInfo session;
  session.identity = "ann";
  // As the envelope has it, the address belongs to the user.
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
  EXPECT_EQ(
      seen_[0],
      "session=abc id=abc-3 mail decision=refuse rule=senders "
      "source=\"user ann\" ip=\"\" "
      "host=\"\" user=ann from=<bob@x.example> reply=\"553 5.7.1 sorry, that "
      "sender address isn't yours (#5.7.1)\"");
}

// qmail-smtpd behaviour 21.
TEST_F(ChecksTest, BadSenderIsRefusedAtRcpt) {
  const auto checks = MakeChecks();
  Policy& policy = *checks;
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

// Serves one remote domain, like a delivery that forwards mail.
class OneRoute : public Delivery {
 public:
  bool ServesRemote(const Path& recipient) const override {
    return recipient.domain == "routed.example";
  }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return nullptr;  // no test begins a transaction
  }
};

TEST_F(ChecksTest, RemoteMailThatNothingForwardsIsRefused) {
  const auto checks =
      MakeChecks({.delivery = std::make_shared<const OneRoute>()});
  Policy& policy = *checks;
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
      {{"u", "elsewhere.example"}, suffix, true},  // @more.example is added
      {{"u", "routed.example"}, user, true},
      {{"u", "elsewhere.example"}, user, false},
      {{"u", "elsewhere.example"}, relay, false},
  };
  for (const auto& c : cases) {
    const Verdict verdict = Ask(policy, Rcpt{{}, c.to}, c.session);
    EXPECT_EQ(verdict.accepted(), c.served) << c.to.Address();
    EXPECT_EQ(verdict.reply().value_or(refusal), refusal);
  }
  EXPECT_EQ(
      seen_[7],
      "rcpt decision=refuse rule=no-relay source=\"user ann; --deliver "
      "smtp:SERVER or qmail-queue would send it on\" ip=\"\" "
      "host=\"\" user=ann from=<> to=<u@elsewhere.example> reply=\"550 5.7.1 "
      "sorry, that domain isn't mine, and there is no way to send mail "
      "elsewhere (#5.7.1)\"");
  // A client that may not relay gets the usual refusal.
  EXPECT_EQ(Ask(policy, Rcpt{{}, {"u", "elsewhere.example"}}).reply()->code,
            553);
}

TEST_F(ChecksTest, ChecksOfAnotherDeliveryAskThatDelivery) {
  class Nowhere : public OneRoute {
   public:
    bool ServesRemote(const Path&) const override { return false; }
  };
  const auto checks =
      MakeChecks({.delivery = std::make_shared<const OneRoute>()});
  CheckSetup setup;
  setup.controls = std::make_shared<const Controls>();
  setup.delivery = std::make_shared<const Nowhere>();
  const auto others = checks->ForDelivery(setup);
  ASSERT_TRUE(others.ok()) << others.status();
  SessionInfo user;
  user.identity = "ann";
  const Rcpt rcpt{{}, {"u", "routed.example"}};
  EXPECT_TRUE(Ask(*checks, rcpt, user).accepted());
  EXPECT_EQ(Ask(**others, rcpt, user).rule(), "no-relay");
  // The other checks are the same objects: they have the lists of `checks`.
  EXPECT_EQ((*others)->InUse(), checks->InUse());
  EXPECT_EQ(Ask(**others, Rcpt{{}, {"u", "local.example"}}).rule(),
            "rcpthosts");
}

TEST_F(ChecksTest, UnreadableListIsAnOutage) {
  const auto checks =
      MakeChecks({.delivery = std::make_shared<const OneRoute>()});
  Policy& policy = *checks;
  SessionInfo user;
  user.identity = "ann";
  ASSERT_EQ(truncate(folder_.File("morercpthosts.cdb").c_str(), 2048), 0);
  const Verdict verdict = Ask(policy, Rcpt{{}, {"u", "more.example"}}, user);
  EXPECT_EQ(verdict.kind(), Verdict::Kind::kDrop);
  EXPECT_EQ(verdict.reply()->code, 421);
}

TEST_F(ChecksTest, AnswersAndLogsEachRecipient) {
  const auto checks = MakeChecks();
  Policy& policy = *checks;
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

TEST_F(ChecksTest, ThreadsShareOneObject) {
  const auto checks = MakeChecks();
  const auto session = std::make_shared<const SessionInfo>();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::optional<bool> late;
      postern::Ask more;
      more.what = Rcpt{.to = {"u", "more.example"}};
      postern::Ask other;
      other.what = Rcpt{.to = {"u", "x.example"}};
      for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(Accepts(*checks, more, session, &late), true);
        EXPECT_EQ(Accepts(*checks, other, session, &late), false);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ChecksTest, RunReadsWhetherARecipientIsRemote) {
  std::vector<absl::AnyInvocable<void() &&>> tasks;
  const auto checks =
      MakeChecks({.delivery = std::make_shared<const OneRoute>(),
                  .run = [&](auto task) { tasks.push_back(std::move(task)); }});
  Policy& policy = *checks;
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
    std::optional<bool> accepted =
        Accepts(policy, {.what = Rcpt{.to = row.to}}, relay, &accepted);
    EXPECT_EQ(tasks.size(), row.elsewhere ? 1u : 0u) << row.to.domain;
    for (auto& task : std::exchange(tasks, {})) std::move(task)();
    EXPECT_EQ(accepted, row.accepted) << row.to.domain;
  }
}

// Checks that read a database run on `run`. No other check does.
TEST_F(ChecksTest, OnlyChecksThatReadADatabaseUseRun) {
  folder_.Write("senders", "ann:ann@local.example\n");
  folder_.WriteCdb("senders.cdb", {{"bob", "bob@local.example"}});
  folder_.Write("localiphost", "more.example\n");
  std::vector<absl::AnyInvocable<void() &&>> tasks;
  const auto checks =
      MakeChecks({.run = [&](auto task) { tasks.push_back(std::move(task)); }},
                 /*senders=*/true);
  Policy& policy = *checks;
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
    std::optional<bool> accepted =
        Accepts(policy, {.what = row.what},
                std::make_shared<const SessionInfo>(row.session), &accepted);
    EXPECT_EQ(tasks.size(), row.elsewhere ? 1u : 0u);
    EXPECT_EQ(accepted.has_value(), !row.elsewhere);
    for (auto& task : std::exchange(tasks, {})) std::move(task)();
    EXPECT_EQ(accepted, row.accepted);
  }
}

TEST_F(ChecksTest, DeniedClientsAreRefusedBeforeTheGreeting) {
  const auto checks = MakeChecks();
  SessionInfo denied;
  denied.denied = true;
  const Verdict verdict = Ask(*checks, Connected{}, denied);
  EXPECT_EQ(verdict.kind(), Verdict::Kind::kDrop);
  EXPECT_EQ(verdict.reply()->code, 554);
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0],
            "connect decision=drop rule=tcprules source=\"\" ip=\"\" host=\"\" "
            "reply=\"554 5.7.1 no service for you (#5.7.1)\"");
}

// Answers what a test sets, now or later.
class Scripted : public Check {
 public:
  struct Script {
    Opinion says = NoOpinion{};
    bool later = false;
    int asked = 0;
    Check::Done done;  // of the pending answer
  };
  explicit Scripted(Script* script) : script_(*script) {}
  Opinion Decide(Question*) const override {
    ++script_.asked;
    if (script_.later) return AnswersLater{};
    return script_.says;
  }
  void DecideLater(Question*, Done done) const override {
    script_.done = std::move(done);
  }

 private:
  Script& script_;
};

Scripted::Script scripts[4];
template <int n>
absl::StatusOr<std::unique_ptr<const Check>> MakeScripted(const CheckSetup&) {
  return std::make_unique<Scripted>(&scripts[n]);
}
constexpr CheckEntry kScripted[] = {
    {{.rule = "first"}, MakeScripted<0>},
    {{.rule = "grant", .accepts = true, .later = true}, MakeScripted<1>},
    {{.rule = "other", .accepts = true}, MakeScripted<2>},
    {{.rule = "last", .later = true}, MakeScripted<3>},
};

class ScriptedChecksTest : public testing::Test {
 protected:
  ScriptedChecksTest() {
    for (Scripted::Script& script : scripts) script = {};
  }
  // Asks about a recipient. An answer that comes later goes into `late_`.
  std::optional<Verdict> Decide() {
    Ask ask;
    ask.what = Rcpt{.to = {"u", "d"}};
    late_.reset();
    return checks_->Decide(
        ask, std::make_shared<const SessionInfo>(), [this]() -> Policy::Done {
          return [this](Verdict verdict) { late_ = std::move(verdict); };
        });
  }
  // Returns "RULE yes" or "RULE no" for an answer that comes immediately.
  std::string Now() {
    const std::optional<Verdict> verdict = Decide();
    return verdict ? Text(*verdict) : "later";
  }
  static std::string Text(const Verdict& verdict) {
    return std::string(verdict.rule()) + (verdict.accepted() ? " yes" : " no");
  }

  std::shared_ptr<Checks> checks_ = *Checks::Make({}, kScripted);
  std::optional<Verdict> late_;
};

Verdict No() { return Verdict::Refuse({550, {5, 7, 1}, "no"}); }

TEST_F(ScriptedChecksTest, RecipientsThatNoCheckAcceptsAreRefused) {
  EXPECT_EQ(Now(), "none no");
  EXPECT_EQ((*Checks::Make({}, {}))
                ->Decide({.what = Rcpt{}}, std::make_shared<SessionInfo>(),
                         []() -> Policy::Done { return nullptr; })
                ->kind(),
            Verdict::Kind::kRefuse);
}

TEST_F(ScriptedChecksTest, AnAcceptanceMayStillBeRefused) {
  scripts[1].says = Verdict::Accept();
  EXPECT_EQ(Now(), "grant yes");
  EXPECT_EQ(scripts[2].asked, 0);  // not asked: it can only accept
  EXPECT_EQ(scripts[3].asked, 1);
  scripts[3].says = No();
  EXPECT_EQ(Now(), "last no");
  scripts[0].says = No();
  EXPECT_EQ(Now(), "first no");
  EXPECT_EQ(scripts[1].asked, 2);  // not asked after a refusal
}

// A check that must not accept cannot make an open relay.
TEST_F(ScriptedChecksTest, OnlyChecksThatMayAcceptDo) {
  scripts[0].says = Verdict::Accept();
  scripts[3].says = Verdict::Accept();
  EXPECT_EQ(Now(), "none no");
}

TEST_F(ScriptedChecksTest, WaitsForLateAnswers) {
  scripts[1].later = scripts[3].later = true;
  EXPECT_EQ(Now(), "later");
  std::move(scripts[1].done)(Verdict::AcceptAs({"v", "d"}));
  EXPECT_FALSE(late_);
  EXPECT_EQ(scripts[2].asked, 0);
  std::move(scripts[3].done)(NoOpinion{});
  ASSERT_TRUE(late_);
  EXPECT_EQ(Text(*late_), "grant yes");
  EXPECT_EQ(late_->path(), (Path{"v", "d"}));
}

TEST_F(ScriptedChecksTest, ChecksLiveUntilTheirLastAnswer) {
  scripts[1].later = true;
  EXPECT_EQ(Now(), "later");
  checks_.reset();  // as after a new configuration
  std::move(scripts[1].done)(NoOpinion{});
  ASSERT_TRUE(late_);
  EXPECT_EQ(Text(*late_), "none no");
}

// An outage of one check is a 4yz and never an acceptance.
TEST_F(ScriptedChecksTest, AnOutageIsNeverAnAcceptance) {
  scripts[1].says = Verdict::Accept();
  scripts[3].says = Outage(absl::UnavailableError("no disk"));
  const std::optional<Verdict> now = Decide();
  EXPECT_EQ(Text(*now), "last no");
  EXPECT_EQ(now->source(), "no disk");
  EXPECT_EQ(now->reply()->code, 421);
  // An answer of AnswersLater{} to DecideLater() counts as an outage.
  scripts[3].later = true;
  EXPECT_EQ(Now(), "later");
  std::move(scripts[3].done)(AnswersLater{});
  EXPECT_EQ(Text(*late_), "last no");
  EXPECT_EQ(late_->reply()->code, 421);
}

// A new check may stand anywhere, but these keep their order: an earlier one
// decides first.
TEST(CheckListTest, EachRuleHasARowAndTheRelayRulesKeepTheirOrder) {
  constexpr absl::string_view kOrder =
      "localiphost bad-address badmailfrom relayclient authenticated "
      "local-name rcpthosts morercpthosts open-relay not-listed no-relay ";
  std::string rcpt;
  for (const CheckEntry& entry : CheckList()) {
    EXPECT_FALSE(entry.row.rule.empty());
    EXPECT_FALSE(entry.row.help.empty()) << entry.row.rule;
    EXPECT_EQ(entry.row.option.empty(), entry.row.value.empty());
    if (entry.row.stage != CheckStage::kRcpt) continue;
    const std::string rule = std::string(entry.row.rule) + " ";
    if (absl::StrContains(kOrder, rule)) rcpt += rule;
  }
  EXPECT_EQ(rcpt, kOrder);
}

// The manual page has the same table as the program.
TEST(CheckListTest, ManualPageHasTheSameText) {
  std::ifstream file("docs/postern-smtpd.8");
  const std::string manual{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(absl::StrContains(absl::StrReplaceAll(manual, {{"\\-", "-"}}),
                                FormatChecks(CheckList())))
      << FormatChecks(CheckList());
}

TEST(CheckListTest, ManualPageHasTheNamesThatAreNotRead) {
  std::ifstream file("docs/postern-smtpd.8");
  const std::string manual = absl::StrReplaceAll(
      std::string{std::istreambuf_iterator<char>(file), {}}, {{"\\-", "-"}});
  for (const auto rows : {NotReadFiles(), NotReadVariables()}) {
    EXPECT_TRUE(absl::StrContains(manual, FormatNotRead(rows)))
        << FormatNotRead(rows);
  }
}

TEST(CheckListTest, VariablesOfChecksAreNotInTheListOfThoseThatAreNotRead) {
  int variables = 0;
  for (const CheckEntry& entry : CheckList()) {
    for (const absl::string_view name :
         absl::StrSplit(entry.row.variables, ' ', absl::SkipEmpty())) {
      ++variables;
      EXPECT_EQ(WhyIdle(name), std::nullopt) << name;
    }
  }
  EXPECT_GE(variables, 3);
  for (const char* const name : {"VALIDRCPTTO_LIMIT", "BRTLIMIT"}) {
    EXPECT_EQ(WhyIdle(name), std::nullopt) << name;
  }
}

TEST(CheckListTest, HelpTextHasEachCheck) {
  const std::string text = FormatChecks(CheckList());
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "  connect  tcprules        refuses clients that the rules deny");
  for (const CheckEntry& entry : CheckList()) {
    EXPECT_NE(text.find(std::string(entry.row.rule)), std::string::npos);
  }
}

TEST(CheckListTest, HelpTextOfALongNameIsOnTheNextLine) {
  constexpr CheckEntry kLong[] = {
      {{.rule = "a-name-of-17-octe", .help = "x"}, nullptr}};
  EXPECT_EQ(FormatChecks(kLong),
            "  rcpt     a-name-of-17-octe\n"
            "                           x\n");
}

}  // namespace
}  // namespace postern::policy
