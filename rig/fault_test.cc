// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/fault.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rig/fault_table.h"

namespace postern::rig {
namespace {

uint64_t NoOctets(const std::string&) { return 0; }

TEST(FaultTest, EachStageHasANameThatIsRead) {
  for (int i = 0; i < kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    EXPECT_EQ(ParseStage(StageName(stage)), stage);
  }
  EXPECT_EQ(ParseStage("bdat"), std::nullopt);
}

TEST(FaultTest, PatternsMatch) {
  constexpr struct {
    absl::string_view pattern, text;
    bool matches;
  } kCases[] = {
      {"", "", true},
      {"", "a@x", true},
      {"a@x", "A@X", true},
      {"a@x", "a@xy", false},
      {"a@x", "ba@x", false},
      {"*@x", "a@x", true},
      {"*@x", "a@xx", false},
      {"*@x", "a@y@x", true},
      {"a*", "a", true},
      {"a*b*c", "a-b-b-c", true},
      {"a*b*c", "a-c-b", false},
      {"*", "", true},
      {"**", "x", true},
      {"x", "", false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Matches(c.pattern, c.text), c.matches)
        << c.pattern << " " << c.text;
  }
}

std::string Applied(FaultTable* table, int times) {
  std::string applied;
  const std::string subject = "a@x";
  for (int i = 0; i < times; ++i) {
    applied += table->Take(Stage::kRcpt, {&subject, 1}, NoOctets) ? '!' : '.';
  }
  return applied;
}

TEST(FaultTest, AShareIsSpreadEvenly) {
  const struct {
    int percent, skip, times;
    absl::string_view applied;
  } kCases[] = {
      {100, 0, 0, "!!!!!!!!!!"}, {50, 0, 0, ".!.!.!.!.!"},
      {30, 0, 0, "...!..!..!"},  {99, 0, 0, ".!!!!!!!!!"},
      {50, 3, 0, "....!.!.!."},  {50, 0, 2, ".!.!......"},
  };
  for (const auto& c : kCases) {
    FaultTable table;
    FaultBuilder(&table, Rcpt())
        .Percent(c.percent)
        .Skip(c.skip)
        .Times(c.times)
        .Reply(450);
    EXPECT_EQ(Applied(&table, 10), c.applied) << c.percent << " " << c.skip;
  }
  FaultTable table;
  FaultBuilder(&table, Rcpt()).Percent(1).Reply(450);
  EXPECT_EQ(Applied(&table, 100), std::string(99, '.') + "!");
  EXPECT_NE(CheckFault(Fault{.percent = 0, .reply = MakeReply(450, "")}), "");
  EXPECT_NE(CheckFault(Fault{.percent = 101, .reply = MakeReply(450, "")}), "");
}

TEST(FaultTest, FaultsOfATableChangeById) {
  FaultTable table;
  int changes = 0;
  table.OnChange([&] { ++changes; });
  Fault fault;
  fault.reply = MakeReply(450, "");
  fault.times = 1;
  const int first = table.Add(fault);
  const int second = table.Add(fault);
  EXPECT_EQ(Applied(&table, 3), "!!.");
  EXPECT_EQ(changes, 4);
  EXPECT_TRUE(table.Unmet().empty());
  EXPECT_TRUE(table.Replace(first, fault));
  EXPECT_EQ(table.List()[0].applied, 0);
  EXPECT_TRUE(table.SetOn(first, false));
  EXPECT_TRUE(table.Unmet().empty()) << "a fault that is off expects nothing";
  EXPECT_EQ(Applied(&table, 1), ".");
  EXPECT_TRUE(table.SetOn(first, true));
  EXPECT_EQ(table.Unmet().size(), 1u);
  EXPECT_TRUE(table.Remove(first));
  EXPECT_FALSE(table.Remove(first));
  EXPECT_FALSE(table.SetOn(first, true));
  ASSERT_EQ(table.List().size(), 1u);
  EXPECT_EQ(table.List()[0].id, second);
  table.Assign({fault});
  EXPECT_GT(table.List()[0].id, second);
}

TEST(FaultTest, AddressesRequestFaults) {
  const struct {
    Stage stage;
    absl::string_view local_part;
    int code = 0;  // 0: no reply
    absl::Duration delay = absl::ZeroDuration();
    bool close = false;
  } kCases[] = {
      {Stage::kRcpt, "rcpt-450", 450},
      {Stage::kRcpt, "RCPT-450", 450},
      {Stage::kMail, "mail-550", 550},
      {Stage::kData, "data-451", 451},
      {Stage::kEnd, "end-552", 552},
      {Stage::kRcpt, "delay-3s", 0, absl::Seconds(3)},
      {Stage::kEnd, "end-delay-250ms", 0, absl::Milliseconds(250)},
      {Stage::kRcpt, "rcpt-timeout", 0, absl::InfiniteDuration()},
      {Stage::kEnd, "end-close", 0, absl::ZeroDuration(), true},
      {Stage::kRcpt, "rcpt-temperror", 451},
      // As in mox.
      {Stage::kEnd, "temperror", 451},
      {Stage::kEnd, "user-permerror", 550},
      {Stage::kEnd, "timeout", 0, absl::InfiniteDuration()},
      {Stage::kEnd, "452", 452},
      {Stage::kEnd, "user+452", 452},
      {Stage::kRcpt, "rcpttotemperror", 451},
      {Stage::kRcpt, "rcptto452", 452},
      {Stage::kMail, "mailfrom-permerror", 550},
  };
  for (const auto& c : kCases) {
    for (const Stage stage :
         {Stage::kMail, Stage::kRcpt, Stage::kData, Stage::kEnd}) {
      SCOPED_TRACE(absl::StrCat(c.local_part, " at ", StageName(stage)));
      const std::optional<Fault> fault = FaultOfAddress(stage, c.local_part);
      ASSERT_EQ(fault.has_value(), stage == c.stage);
      if (!fault) continue;
      EXPECT_EQ(fault->reply ? fault->reply->code : 0, c.code);
      EXPECT_EQ(fault->delay, c.delay);
      EXPECT_EQ(fault->cut.has_value(), c.close);
    }
  }
}

TEST(FaultTest, OrdinaryAddressesRequestNothing) {
  for (const absl::string_view local_part :
       {"alice", "order4500", "x550", "rcpt", "rcpt-", "rcpt-250", "rcpt-45",
        "rcpt-4500", "delay-", "delay-3", "delay-3d", "delay-99h", "close",
        "tls-close-450x", "mail", "600", "99", "", "no-reply"}) {
    for (int i = 0; i < kStages; ++i) {
      EXPECT_EQ(FaultOfAddress(static_cast<Stage>(i), local_part), std::nullopt)
          << local_part;
    }
  }
}

TEST(FaultTest, FaultThatCannotApplyIsRefused) {
  const struct {
    Fault fault;
    absl::string_view why;
  } kCases[] = {
      {{.stage = Stage::kRcpt}, "does nothing"},
      {{.stage = Stage::kRset, .pattern = "x", .split = true}, "compare"},
      {{.stage = Stage::kQuit, .each = true, .split = true}, "count"},
      {{.stage = Stage::kMail, .quota = 5, .split = true}, "quota"},
      {{.stage = Stage::kMail, .reply = Reply{250}, .raw = "x"}, "two"},
      {{.stage = Stage::kMail, .reply = Reply{199}}, "200 to 599"},
      {{.stage = Stage::kMail, .hidden = {"SIZE"}}, "ehlo"},
      {{.stage = Stage::kMail, .certificate = CertificateKind::kExpired},
       "certificate"},
      {{.stage = Stage::kMail, .cut = Cut::kAfter, .after = 4}, "content"},
      {{.stage = Stage::kContent, .reply = Reply{450}}, "no reply"},
      {{.stage = Stage::kTls, .delay = absl::Seconds(1)}, "stall"},
      {{.stage = Stage::kMail, .skip = -1, .split = true}, "negative"},
      {{.stage = Stage::kMail, .delay = -absl::Seconds(1)}, "negative"},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(absl::StrContains(CheckFault(c.fault), c.why))
        << CheckFault(c.fault);
  }
  EXPECT_EQ(CheckFault({.stage = Stage::kTls, .raw = "x"}), "");
}

TEST(FaultTest, OccurrencesAreCounted) {
  FaultTable table;
  FaultBuilder(&table, Rcpt("*@x")).Skip(1).Times(2).Reply(450);
  const std::vector<std::string> a = {"a@x"};
  const std::vector<std::string> b = {"b@y"};
  std::string applied;
  for (const auto* subjects : {&a, &b, &a, &b, &a, &a}) {
    applied += table.Take(Stage::kRcpt, *subjects, NoOctets) ? 'y' : 'n';
  }
  EXPECT_EQ(applied, "nnynyn");
  EXPECT_TRUE(table.Unmet().empty());
  EXPECT_EQ(table.applied(), 2);
}

TEST(FaultTest, FirstFaultThatAppliesCounts) {
  FaultTable table;
  FaultBuilder(&table, Rcpt()).Once().Reply(450);
  FaultBuilder(&table, Rcpt()).Once().Reply(451);
  std::string codes;
  for (int i = 0; i < 3; ++i) {
    const auto fault = table.Take(Stage::kRcpt, {}, NoOctets);
    absl::StrAppend(&codes, fault ? fault->reply->code : 0, " ");
  }
  EXPECT_EQ(codes, "450 451 0 ");
}

TEST(FaultTest, RecipientsAreCountedSeparately) {
  FaultTable table;
  FaultBuilder(&table, Rcpt()).Each().Once().Reply(450);
  std::string applied;
  for (const std::string to : {"a@x", "b@x", "A@x", "b@x", "c@x"}) {
    applied += table.Take(Stage::kRcpt, {&to, 1}, NoOctets) ? 'y' : 'n';
  }
  EXPECT_EQ(applied, "yynny");
}

TEST(FaultTest, UnmetFaultsAreListed) {
  FaultTable table;
  FaultBuilder(&table, Rcpt()).Times(2).Reply(450);
  FaultBuilder(&table, Quit()).Split();
  (void)table.Take(Stage::kRcpt, {}, NoOctets);
  const auto unmet = table.Unmet();
  ASSERT_EQ(unmet.size(), 1u);
  EXPECT_EQ(unmet[0].first.stage, Stage::kRcpt);
  EXPECT_EQ(unmet[0].second, 1);
}

TEST(FaultDeathTest, FaultWithoutAnEffectEndsTheTest) {
  FaultTable table;
  EXPECT_DEATH(FaultBuilder(&table, Rcpt()).Once(), "rcpt: it does nothing");
}

}  // namespace
}  // namespace postern::rig
