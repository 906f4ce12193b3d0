// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/bounce_recipients.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/grammar/path.h"
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
    entries->push_back(kBounceRecipientsEntry);
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
             return name == "bounce-recipients" ? value : std::string();
           }},
      List());
  return checks.ok() ? *checks : nullptr;
}

// The question about the recipient after `index` others.
Ask About(size_t index, Path from = {}) {
  Ask ask;
  ask.what = Rcpt{.from = std::move(from), .to = {"u", "d"}, .index = index};
  return ask;
}

Verdict Decide(Policy& policy, const Ask& ask, SessionInfo info = {}) {
  std::optional<Verdict> verdict =
      policy.Decide(ask, std::make_shared<const SessionInfo>(info),
                    []() -> Policy::Done { return [](const Verdict&) {}; });
  EXPECT_TRUE(verdict);
  return *verdict;
}

TEST(BounceRecipientsTest, RefusesFurtherRecipientsOfABounce) {
  const auto checks = MakeChecks("2");
  ASSERT_NE(checks, nullptr);
  EXPECT_TRUE(Decide(*checks, About(0)).accepted());
  EXPECT_TRUE(Decide(*checks, About(1)).accepted());
  const Verdict verdict = Decide(*checks, About(2));
  ASSERT_TRUE(verdict.reply());
  EXPECT_EQ(verdict.reply()->code, 452);
  EXPECT_TRUE(Decide(*checks, About(2, {"s", "x"})).accepted());
  SessionInfo user;
  user.identity = "ann";
  EXPECT_TRUE(Decide(*checks, About(2), user).accepted());
}

// The option and the name in log and metrics come from the entry.
TEST(BounceRecipientsTest, EntryDefinesOptionHelpLogAndMetrics) {
  const auto checks = MakeChecks("1");
  ASSERT_NE(checks, nullptr);
  const Verdict verdict = Decide(*checks, About(1));
  EXPECT_EQ(verdict.reply()->code, 452);
  const auto decision = policy::DecisionToLog(About(1), verdict);
  ASSERT_TRUE(decision);
  EXPECT_TRUE(absl::StrContains(
      policy::FormatDecision(*decision, {}),
      "decision=refuse rule=bounce-recipients source=\"more than 1\""));

  const absl::string_view rules[] = {kBounceRecipientsEntry.row.rule};
  service::Metrics metrics(rules);
  metrics.CountDecision(*decision);
  EXPECT_EQ(metrics.counts().rules[0].kinds[1], 1u);

  EXPECT_TRUE(absl::StrContains(policy::FormatChecks(List()),
                                "  rcpt     bounce-recipients\n"));
  const auto rows = service::CheckOptionRows(List());
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows.back().name, "bounce-recipients");
  service::Options given({}, rows);
  const char* const arguments[] = {"--bounce-recipients", "300"};
  given.Read(arguments, [](const char*) -> const char* { return nullptr; });
  EXPECT_EQ(given.Text("bounce-recipients", ""), "300");
}

TEST(BounceRecipientsTest, CheckIsOffWithoutItsOption) {
  const auto checks = MakeChecks("");
  ASSERT_NE(checks, nullptr);
  EXPECT_TRUE(Decide(*checks, About(1)).accepted());
  EXPECT_EQ(MakeChecks("soon"), nullptr);
}

}  // namespace
}  // namespace postern::examples
