// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Each check of the programs in a whole session: what it is there to stop is
// stopped, what it grants is granted to no one else, and neither depends on the
// sizes of reads, on delays or on the order of answers. A check without a
// scenario fails the test.

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/delivery.h"
#include "engine/grammar/ip_address.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/own_addresses.h"
#include "policy/check.h"
#include "policy/check_list.h"
#include "policy/checks.h"
#include "policy/control/controls.h"
#include "policy/delegation/policy_stand_in.h"
#include "policy/greylisting/greylist_table.h"
#include "policy/names/dns.h"
#include "policy/spf/spf_over_dns.h"
#include "tests/replay.h"

namespace postern {
namespace {

using policy::CheckStage;
using policy::DnsAnswer;
using policy::DnsResult;

// The configuration of a site.
enum class Site : uint8_t {
  kUsual,
  kOpen,         // without rcpthosts, with --open-relay
  kNoAddresses,  // the addresses of the host cannot be read
};

struct Scenario {
  CheckStage stage = CheckStage::kRcpt;
  absl::string_view rule;
  // What an attacker sends after EHLO, or what an entitled client sends if the
  // check accepts it. The last reply has `code`, and the check has decided.
  absl::string_view commands;
  absl::string_view code;
  void (*facts)(SessionInfo*) = nullptr;  // of this client
  Site site = Site::kUsual;
  // For a check that accepts: what a stranger sends at the usual site, and gets
  // a 553 because no check accepts the recipient.
  absl::string_view beyond = "";
};

#define MAIL_FROM_X "MAIL FROM:<s@x.example>\r\n"
constexpr absl::string_view kElsewhere =
    MAIL_FROM_X "RCPT TO:<u@elsewhere.example>\r\n";
constexpr absl::string_view kHere = MAIL_FROM_X "RCPT TO:<u@local.example>\r\n";

constexpr Scenario kScenarios[] = {
    {CheckStage::kConnect, "tcprules", "", "554",
     [](SessionInfo* info) { info->denied = true; }},
    // A literal of this host would be mail for a local name.
    {CheckStage::kMail, "localiphost", "MAIL FROM:<s@[192.0.2.9]>\r\n", "421",
     nullptr, Site::kNoAddresses},
    {CheckStage::kMail, "senders", "MAIL FROM:<boss@x.example>\r\n", "553",
     [](SessionInfo* info) { info->identity = "ann"; }},
    {CheckStage::kRcpt, "localiphost",
     MAIL_FROM_X "RCPT TO:<u@[192.0.2.9]>\r\n", "421", nullptr,
     Site::kNoAddresses},
    // The engine refuses control characters with a 501. The '^' stands for one
    // that the check gets all the same.
    {CheckStage::kRcpt, "bad-address",
     MAIL_FROM_X "RCPT TO:<u^@elsewhere.example>\r\n", "553",
     [](SessionInfo* info) { info->relay_client = ""; }},
    {CheckStage::kRcpt, "badhelo", kHere, "553",
     [](SessionInfo* info) { info->hello_name = "bad.example"; }},
    {CheckStage::kRcpt, "badmailfrom",
     "MAIL FROM:<s@bad.example>\r\nRCPT TO:<u@local.example>\r\n", "553"},
    {CheckStage::kRcpt, "badrcptto",
     MAIL_FROM_X "RCPT TO:<bad@local.example>\r\n", "553"},
    {CheckStage::kRcpt, "relayclient", kElsewhere, "250",
     [](SessionInfo* info) { info->relay_client = ""; }, Site::kUsual,
     kElsewhere},
    {CheckStage::kRcpt, "authenticated",
     "MAIL FROM:<ann@x.example>\r\nRCPT TO:<u@elsewhere.example>\r\n", "250",
     [](SessionInfo* info) { info->identity = "ann"; }, Site::kUsual,
     "MAIL FROM:<ann@x.example>\r\nRCPT TO:<u@elsewhere.example>\r\n"},
    {CheckStage::kRcpt, "local-name", MAIL_FROM_X "RCPT TO:<u>\r\n", "250",
     nullptr, Site::kUsual,
     MAIL_FROM_X "RCPT TO:<\"u@local.example\"@elsewhere.example>\r\n"},
    {CheckStage::kRcpt, "rcpthosts", kHere, "250", nullptr, Site::kUsual,
     MAIL_FROM_X "RCPT TO:<u@local.example.elsewhere.example>\r\n"},
    {CheckStage::kRcpt, "morercpthosts",
     MAIL_FROM_X "RCPT TO:<u@more.example>\r\n", "250", nullptr, Site::kUsual,
     MAIL_FROM_X "RCPT TO:<u@nomore.example>\r\n"},
    {CheckStage::kRcpt, "open-relay", kElsewhere, "250", nullptr, Site::kOpen,
     kElsewhere},
    {CheckStage::kRcpt, "not-listed", kElsewhere, "553"},
    {CheckStage::kRcpt, "no-relay",
     MAIL_FROM_X "RCPT TO:<u@nowhere.example>\r\n", "550",
     [](SessionInfo* info) { info->relay_client = ""; }},
    {CheckStage::kRcpt, "rblsmtpd", kHere, "553",
     [](SessionInfo* info) {
       info->environment = {{"RBLSMTPD", "-go away"}};
     }},
    {CheckStage::kRcpt, "validrcptto",
     MAIL_FROM_X "RCPT TO:<unknown@local.example>\r\n", "553"},
    {CheckStage::kRcpt, "dns-list", kHere, "451",
     [](SessionInfo* info) {
       info->remote_address = IpAddress::V4({203, 0, 113, 66});
     }},
    {CheckStage::kRcpt, "sender-domain",
     "MAIL FROM:<s@gone.example>\r\nRCPT TO:<u@local.example>\r\n", "553"},
    {CheckStage::kRcpt, "rcptcheck",
     MAIL_FROM_X "RCPT TO:<checked@local.example>\r\n", "550"},
    {CheckStage::kRcpt, "policy-server",
     MAIL_FROM_X "RCPT TO:<policed@local.example>\r\n", "554"},
    {CheckStage::kRcpt, "spf",
     "MAIL FROM:<s@spf.example>\r\nRCPT TO:<u@local.example>\r\n", "550"},
    {CheckStage::kRcpt, "greylist",
     MAIL_FROM_X "RCPT TO:<first@local.example>\r\n", "451"},
    {CheckStage::kData, "policy-server",
     "MAIL FROM:<bulk@x.example>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n",
     "554"},
};

class Addresses : public net::OwnAddresses {
 public:
  explicit Addresses(bool known) : known_(known) {}
  absl::StatusOr<bool> Contains(const IpAddress&) const override {
    if (!known_) return absl::UnavailableError("no interfaces");
    return false;
  }

 private:
  const bool known_;
};

// Forwards mail to one domain.
class Forwarder : public Delivery {
 public:
  bool ServesRemote(const Path& recipient) const override {
    return absl::EndsWith(recipient.domain, "elsewhere.example");
  }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return nullptr;  // the sessions have no messages
  }
};

class TableDns : public policy::Dns {
 public:
  void Lookup(absl::string_view name, DnsAnswer::Type type,
              Done done) override {
    DnsResult result = {DnsResult::Status::kNoName};
    if (name == "x.example" && type == DnsAnswer::kMx) {
      result = {DnsResult::Status::kFound, {"10 mx.x.example"}, 60};
    } else if (name == "66.113.0.203.bl.example" && type == DnsAnswer::kTxt) {
      result = {DnsResult::Status::kFound, {"listed"}, 60};
    } else if (name == "spf.example" && type == DnsAnswer::kMx) {
      result = {DnsResult::Status::kFound, {"10 mx.x.example"}, 60};
    } else if (name == "spf.example" && type == DnsAnswer::kTxt) {
      result = {DnsResult::Status::kFound, {"v=spf1 -all"}, 60};
    }
    std::move(done)(result);
  }
};

// Lets clients wait with mail for one recipient.
class OneGreylisted : public policy::GreylistTable {
 public:
  absl::StatusOr<absl::Duration> Attempt(
      const policy::GreylistKey& key) override {
    return key.recipient == "first@local.example" ? absl::Minutes(5)
                                                  : absl::ZeroDuration();
  }
};

class CheckThreatTest : public testing::Test {
 protected:
  CheckThreatTest()
      : server_([](const std::string& request) {
          return policy::PolicyStandIn::Action{
              absl::StrContains(request, "\nrecipient=policed@") ||
                      (absl::StrContains(request, "protocol_state=DATA\n") &&
                       absl::StrContains(request, "\nsender=bulk@"))
                  ? "action=REJECT\n\n"
                  : "action=DUNNO\n\n"};
        }) {
    directory_.Write("me", "mx.example\n");
    directory_.Write("localiphost", "local.example\n");
    directory_.Write("rcpthosts", "local.example\n");
    directory_.WriteCdb("morercpthosts.cdb", {{"more.example", ""}});
    directory_.Write("badmailfrom", "@bad.example\n");
    directory_.Write("badrcptto", "bad@local.example\n");
    directory_.Write("badhelo", "bad\\.example\n");
    directory_.Write("senders", "ann:ann@x.example\n");
    directory_.WriteCdb("valid.cdb", {{"unknown@local.example", "-"},
                                      {"@local.example", ""},
                                      {"@more.example", ""},
                                      {"@elsewhere.example", ""},
                                      {"u", ""}});
    directory_.Write("check",
                     "#!/bin/sh\n"
                     "[ \"$RECIPIENT\" = checked@local.example ] && exit 100\n"
                     "exit 0\n");
    EXPECT_EQ(chmod(directory_.File("check").c_str(), 0755), 0);
    options_ = {{"validrcptto", directory_.File("valid.cdb")},
                {"sender-domain-exists", "strangers"},
                {"rcptcheck", directory_.File("check")},
                {"policy-server", absl::StrCat(server_.address(), " ",
                                               server_.address(), ",at=data")},
                {"spf", "default"},
                {"greylist", "/var/lib/postern/greylist"}};
  }

  std::shared_ptr<policy::Checks> Make(Site site) {
    if (site == Site::kOpen) {
      directory_.Remove("rcpthosts");
    } else {
      directory_.Write("rcpthosts", "local.example\n");
    }
    auto controls = policy::ReadControls({.directory = directory_.path(),
                                          .open_relay = site == Site::kOpen,
                                          .senders = true});
    EXPECT_TRUE(controls.ok()) << controls.status();
    policy::CheckSetup setup;
    setup.controls =
        std::make_shared<const policy::Controls>(*std::move(controls));
    setup.own_addresses =
        std::make_shared<const Addresses>(site != Site::kNoAddresses);
    setup.delivery = std::make_shared<const Forwarder>();
    setup.report = [](absl::string_view) {};
    setup.option = [this](absl::string_view name) {
      const auto found = options_.find(std::string(name));
      return found == options_.end() ? "" : found->second;
    };
    setup.values = [](absl::string_view name) {
      return name == "dns-list" ? std::vector<std::string>{"bl.example"}
                                : std::vector<std::string>();
    };
    setup.dns = &dns_;
    setup.spf = &spf_;
    setup.greylist = &greylist_;
    auto checks = policy::Checks::Make(setup);
    EXPECT_TRUE(checks.ok()) << checks.status();
    return *std::move(checks);
  }

  // Returns the outcome of a session, and stores the rule of the last decision
  // in `rule`. Fails if the manner of the session changes the outcome.
  Outcome Serve(Site site, absl::string_view commands,
                void (*facts)(SessionInfo*), std::string* rule) {
    const std::shared_ptr<policy::Checks> checks = Make(site);
    SessionInfo info;
    info.remote_address = IpAddress::V4({203, 0, 113, 9});
    info.hello_name = "c";
    if (facts != nullptr) facts(&info);
    const auto session = std::make_shared<const SessionInfo>(std::move(info));
    const auto answerer = [&](const Ask& ask,
                              const Envelope&) -> std::optional<AnyAnswer> {
      if (!policy::StageOf(ask)) return Verdict::Accept();
      Ask asked = ask;
      if (auto* rcpt = std::get_if<Rcpt>(&asked.what)) {
        absl::StrReplaceAll({{"^", "\x01"}}, &rcpt->to.local_part);
      }
      std::optional<Verdict> late;
      std::optional<Verdict> verdict =
          checks->Decide(asked, session, [&late]() -> Policy::Done {
            return [&late](const Verdict& answer) { late = answer; };
          });
      // No check has a thread, so the answer is there.
      if (!verdict) verdict = late;
      EXPECT_TRUE(verdict.has_value());
      if (!verdict) return std::nullopt;
      if (!verdict->rule().empty()) *rule = std::string(verdict->rule());
      return *verdict;
    };
    ServerConfig config;
    config.greeting = "mx";
    const Flights flights = {absl::StrCat("EHLO c\r\n", commands)};
    const Outcome outcome =
        Replay(config, flights, WireEnd::kOpen, {}, answerer);
    constexpr size_t kWhole = std::string::npos;
    const std::string decided = *rule;
    for (const Manner& manner :
         {Manner{.cuts = {kWhole}},
          Manner{.cuts = {2, 3}, .late = true, .rests = true},
          Manner{
              .cuts = {7}, .late = true, .reversed = true, .max_open_asks = 4},
          Manner{.cuts = {kWhole},
          .late = true,
          .max_open_asks = 4,
          .slow_reader = true}}) {
      EXPECT_EQ(Replay(config, flights, WireEnd::kOpen, manner, answerer),
                outcome)
          << manner.Describe();
    }
    *rule = decided;
    return outcome;
  }

  // Returns the code of the last reply.
  static std::string LastCode(const Outcome& outcome) {
    const absl::string_view replies = outcome.replies;
    if (replies.size() < 2) return "";
    const size_t end = replies.rfind("\r\n", replies.size() - 3);
    const size_t begin = end == absl::string_view::npos ? 0 : end + 2;
    return std::string(replies.substr(begin, 3));
  }

  files::TestDirectory directory_;
  policy::PolicyStandIn server_;
  std::map<std::string, std::string> options_;
  TableDns dns_;
  policy::SpfOverDns spf_{&dns_};
  OneGreylisted greylist_;
};

TEST_F(CheckThreatTest, EachCheckStopsItsThreatInEveryManner) {
  for (const Scenario& scenario : kScenarios) {
    SCOPED_TRACE(
        absl::StrCat(policy::StageName(scenario.stage), " ", scenario.rule));
    std::string rule;
    const Outcome outcome =
        Serve(scenario.site, scenario.commands, scenario.facts, &rule);
    EXPECT_EQ(LastCode(outcome), scenario.code) << outcome.replies;
    EXPECT_EQ(rule, scenario.rule);
    if (scenario.beyond.empty()) continue;
    const Outcome refused =
        Serve(Site::kUsual, scenario.beyond, nullptr, &rule);
    EXPECT_EQ(LastCode(refused), "553") << refused.replies;
    EXPECT_EQ(rule, "not-listed");
  }
}

// A mailer that no check stops is served: the refusals above have one reason.
TEST_F(CheckThreatTest, HarmlessClientIsServed) {
  std::string rule;
  EXPECT_EQ(LastCode(Serve(Site::kUsual, kHere, nullptr, &rule)), "250");
  EXPECT_EQ(rule, "rcpthosts");
}

TEST_F(CheckThreatTest, EachCheckHasAScenario) {
  std::set<std::pair<CheckStage, absl::string_view>> scenarios;
  for (const Scenario& scenario : kScenarios) {
    EXPECT_TRUE(scenarios.emplace(scenario.stage, scenario.rule).second)
        << scenario.rule;
  }
  for (const policy::CheckEntry& entry : policy::CheckList()) {
    EXPECT_EQ(scenarios.count({entry.row.stage, entry.row.rule}), 1u)
        << "add a scenario for the check " << entry.row.rule;
    for (const Scenario& scenario : kScenarios) {
      if (scenario.rule != entry.row.rule) continue;
      EXPECT_EQ(scenario.beyond.empty(), !entry.row.accepts) << entry.row.rule;
    }
    scenarios.erase({entry.row.stage, entry.row.rule});
  }
  EXPECT_TRUE(scenarios.empty()) << "a scenario of a check that is gone";
}

}  // namespace
}  // namespace postern
