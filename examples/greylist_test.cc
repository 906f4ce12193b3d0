// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/greylist.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "policy/check_list.h"
#include "policy/checks.h"
#include "policy/decision.h"
#include "service/mail_options.h"
#include "service/metrics.h"

namespace postern::examples {
namespace {

using policy::CheckEntry;

// The list of checks of the programs, with this check added.
const std::vector<CheckEntry>& List() {
  static const auto& list = *[] {
    auto* entries = new std::vector<CheckEntry>(policy::CheckList().begin(),
                                                policy::CheckList().end());
    entries->push_back(kGreylistEntry);
    return entries;
  }();
  return list;
}

std::shared_ptr<policy::Checks> MakeChecks(const std::string& value) {
  auto controls = std::make_shared<policy::Controls>();
  controls->open_relay = true;
  auto checks = policy::Checks::Make(
      {.controls = controls,
       .own_addresses = std::make_shared<net::InterfaceAddresses>(),
       .option =
           [&value](absl::string_view name) {
             return name == "greylist" ? value : std::string();
           }},
      List());
  return checks.ok() ? *checks : nullptr;
}

Ask About(std::string local_part) {
  Ask ask;
  ask.what = Rcpt{.from = {"s", "x"}, .to = {std::move(local_part), "d"}};
  return ask;
}

Verdict Decide(Policy& policy, const Ask& ask, SessionInfo info = {}) {
  std::optional<Verdict> verdict =
      policy.Decide(ask, std::make_shared<const SessionInfo>(info),
                    []() -> Policy::Done { return [](const Verdict&) {}; });
  EXPECT_TRUE(verdict);
  return *verdict;
}

TEST(GreylistTest, RefusesTemporarilyUntilTheDelayHasPassed) {
  absl::Time now = absl::FromUnixSeconds(1000);
  const Greylist greylist(absl::Seconds(60), 2, [&now] { return now; });
  const auto decide = [&](const char* name, SessionInfo info = {}) {
    const Ask ask = About(name);
    const auto session = std::make_shared<const SessionInfo>(std::move(info));
    policy::Question question(ask, session);
    const policy::Opinion opinion = greylist.Decide(&question);
    return std::holds_alternative<policy::NoOpinion>(opinion);
  };
  EXPECT_FALSE(decide("u"));
  EXPECT_FALSE(decide("u"));
  now += absl::Seconds(59);
  EXPECT_FALSE(decide("U"));
  EXPECT_FALSE(decide("u", {.remote_address = IpAddress::Parse("192.0.2.1")}));
  now += absl::Seconds(1);
  EXPECT_TRUE(decide("u"));
  EXPECT_FALSE(decide("u", {.remote_address = IpAddress::Parse("192.0.2.1")}));
  EXPECT_TRUE(decide("other"));  // no room to remember it
}

// The option and the name in log and metrics come from the entry.
TEST(GreylistTest, EntryDefinesOptionHelpLogAndMetrics) {
  const auto checks = MakeChecks("60");
  ASSERT_NE(checks, nullptr);
  const Verdict verdict = Decide(*checks, About("u"));
  EXPECT_EQ(verdict.reply()->code, 451);
  const auto decision = policy::DecisionToLog(About("u"), verdict);
  ASSERT_TRUE(decision);
  EXPECT_TRUE(absl::StrContains(
      policy::FormatDecision(*decision, {}),
      "decision=refuse rule=greylist source=\"60 seconds left\""));
  SessionInfo user;
  user.identity = "ann";
  EXPECT_TRUE(Decide(*checks, About("v"), user).accepted());

  const absl::string_view rules[] = {kGreylistEntry.row.rule};
  service::Metrics metrics(rules);
  metrics.CountDecision(*decision);
  EXPECT_EQ(metrics.counts().rules[0].kinds[1], 1u);

  EXPECT_TRUE(absl::StrContains(policy::FormatChecks(List()),
                                "  rcpt     greylist        refuses what"));
  const auto rows = service::CheckOptionRows(List());
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows.back().name, "greylist");
  service::Options given({}, rows);
  const char* const arguments[] = {"--greylist", "300"};
  given.Read(arguments, [](const char*) -> const char* { return nullptr; });
  EXPECT_EQ(given.Text("greylist", ""), "300");
}

TEST(GreylistTest, CheckIsOffWithoutItsOption) {
  const auto checks = MakeChecks("");
  ASSERT_NE(checks, nullptr);
  EXPECT_TRUE(Decide(*checks, About("u")).accepted());
  EXPECT_EQ(MakeChecks("soon"), nullptr);
}

}  // namespace
}  // namespace postern::examples
