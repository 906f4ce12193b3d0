// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/finding.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

using ::testing::ElementsAre;
using Severity = Finding::Severity;

TEST(FindingTest, TheTextHasPlaceAndFix) {
  const struct {
    const char* text;
    Finding finding;
  } cases[] = {
      {"/etc/a b/me: no such file; write the name into it",
       {Severity::kError, "/etc/a b/me", "no such file",
        "write the name into it"}},
      {"/x:3: a: b", {Severity::kError, "/x:3", "a: b", ""}},
      {"--auth cdb:/x: no such file",
       {Severity::kError, "--auth cdb:/x", "no such file", ""}},
      {"MFCHECK: not read", {Severity::kError, "MFCHECK", "not read", ""}},
      {"a sentence: not a place",
       {Severity::kError, "", "a sentence: not a place", ""}},
      {"/x has no colon", {Severity::kError, "", "/x has no colon", ""}},
      {"no fix;here", {Severity::kError, "", "no fix;here", ""}},
  };
  for (const auto& [text, finding] : cases) {
    Findings findings;
    findings.AddError(text);
    EXPECT_THAT(findings.all(), ElementsAre(finding)) << text;
    EXPECT_EQ(findings.all()[0].Text(), text);
  }
}

TEST(FindingTest, ADatabaseIsNamedLikeAnotherFile) {
  Findings findings;
  findings.AddError("cdb /x: short read at 2048");
  EXPECT_EQ(findings.all()[0].Text(), "/x: short read at 2048");
}

TEST(FindingTest, TheSameTextWithoutAPlaceIsNotAnotherFinding) {
  Findings findings;
  findings.AddError("--deliver: delivery \"x\": not one of a, b");
  findings.AddError("delivery \"x\": not one of a, b");
  findings.AddError("not one of a, b, c");
  ASSERT_EQ(findings.all().size(), 2u);
  EXPECT_EQ(findings.all()[0].where, "--deliver");
}

TEST(FindingTest, TheMostSevereOfEqualFindingsStays) {
  Findings findings;
  findings.AddWarning("a");
  findings.AddFault("b");
  findings.AddWarning("b");
  EXPECT_FALSE(findings.prevent_start());
  findings.AddError("a");
  findings.AddFault("a");
  EXPECT_THAT(findings.all(),
              ElementsAre(Finding{Severity::kError, "", "a", ""},
                          Finding{Severity::kFault, "", "b", ""}));
  EXPECT_TRUE(findings.prevent_start());
  EXPECT_EQ(findings.count(Severity::kFault), 1u);
  EXPECT_EQ(findings.count(Severity::kWarning), 0u);
}

}  // namespace
}  // namespace postern::service
