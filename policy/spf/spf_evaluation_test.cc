// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the suite of RFC 7208 does not have: see conformance_test.py.

#include "policy/spf/spf_evaluation.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using Status = DnsResult::Status;

class SpfEvaluationTest : public testing::Test {
 protected:
  void Add(const std::string& name, DnsAnswer::Type type,
           const std::string& data) {
    DnsResult& result = table_[{name, type}];
    result.status = Status::kFound;
    result.records.push_back(data);
  }
  void Fail(const std::string& name, DnsAnswer::Type type) {
    table_[{name, type}] = {Status::kTemporary, {}, 0};
  }

  // "RESULT REASON", and "EXPLANATION" after a bar if there is one.
  std::string Evaluate(const std::string& local_part = "s",
                       const std::string& domain = "x.example") {
    SpfEvaluation evaluation({.client = *IpAddress::Parse("192.0.2.1"),
                              .local_part = local_part,
                              .domain = domain,
                              .helo = "h.example",
                              .receiver = "mx.example",
                              .time = 1234567890});
    asked_.clear();
    while (evaluation.lookup()) {
      const SpfEvaluation::Lookup lookup = *evaluation.lookup();
      asked_.push_back(lookup.name);
      const auto found = table_.find({lookup.name, lookup.type});
      evaluation.Answer(found == table_.end()
                            ? DnsResult{Status::kNoName, {}, 0}
                            : found->second);
    }
    return Text(evaluation.answer());
  }
  static std::string Text(const SpfAnswer& answer) {
    std::string text =
        absl::StrCat(SpfResultName(answer.result), " ", answer.reason);
    if (!answer.explanation.empty()) {
      absl::StrAppend(&text, "|", answer.explanation);
    }
    return text;
  }

  std::map<std::pair<std::string, DnsAnswer::Type>, DnsResult> table_;
  std::vector<std::string> asked_;
};

TEST_F(SpfEvaluationTest, NamesTheTermOfTheDomain) {
  Add("x.example", DnsAnswer::kTxt, "v=spf1 include:y.example ~all");
  Add("y.example", DnsAnswer::kTxt, "v=spf1 ip4:192.0.2.0/24 -all");
  EXPECT_EQ(Evaluate(), "pass include:y.example");
}

TEST_F(SpfEvaluationTest, FailureOfDnsIsTempError) {
  Fail("x.example", DnsAnswer::kTxt);
  EXPECT_EQ(Evaluate(), "temperror no answer for the record of x.example");
  for (const std::string term : {"a", "mx", "exists:x.example",
                                 "include:y.example", "redirect=y.example"}) {
    table_.clear();
    Add("x.example", DnsAnswer::kTxt, absl::StrCat("v=spf1 ", term));
    Fail("x.example", DnsAnswer::kA);
    Fail("x.example", DnsAnswer::kMx);
    Fail("y.example", DnsAnswer::kTxt);
    EXPECT_TRUE(absl::StartsWith(Evaluate(), "temperror ")) << term;
  }
}

// c-ares would take the backslash for an escape, and the name for another one.
TEST_F(SpfEvaluationTest, MacrosCannotEscape) {
  Add("x.example", DnsAnswer::kTxt, "v=spf1 exists:%{l}.y.example -all");
  for (const std::string local_part :
       {"a\\", "a\\046b", "a..b", ".", "\xc3\xa9", "a\nb", "a\x7f"}) {
    EXPECT_EQ(Evaluate(local_part), "fail -all") << local_part;
    EXPECT_EQ(asked_.size(), 1u) << local_part;
  }
  Add("a b.y.example", DnsAnswer::kA, std::string("\x7f\0\0\x02", 4));
  EXPECT_EQ(Evaluate("a b"), "pass exists:%{l}.y.example");
}

TEST_F(SpfEvaluationTest, ExplanationIsPrintableAndBounded) {
  Add("x.example", DnsAnswer::kTxt, "v=spf1 -all exp=%{h}");
  Add("h.example", DnsAnswer::kTxt, "%{s} of %{c} at %{r}, %{t}");
  EXPECT_EQ(Evaluate(),
            "fail -all|s@x.example of 192.0.2.1 at mx.example, 1234567890");
  EXPECT_EQ(Evaluate("a\r\n250 ok\xc3\xa9"),
            "fail -all|a??250 ok??@x.example of 192.0.2.1 at mx.example, "
            "1234567890");
  EXPECT_EQ(Evaluate(std::string(800, 'a')),
            absl::StrCat("fail -all|", std::string(200, 'a')));
  for (const std::string text : {"%{z}", "a\r\nb", "caf\xc3\xa9", "%"}) {
    table_[{"h.example", DnsAnswer::kTxt}].records = {text};
    EXPECT_EQ(Evaluate(), "fail -all") << text;
  }
}

TEST_F(SpfEvaluationTest, GivingUpIsTempErrorButKeepsAFail) {
  SpfEvaluation evaluation(
      {.client = *IpAddress::Parse("192.0.2.1"), .domain = "x.example"});
  ASSERT_TRUE(evaluation.lookup().has_value());
  evaluation.GiveUp("late");
  EXPECT_FALSE(evaluation.lookup().has_value());
  EXPECT_EQ(Text(evaluation.answer()), "temperror late");

  SpfEvaluation explains(
      {.client = *IpAddress::Parse("192.0.2.1"), .domain = "x.example"});
  explains.Answer({Status::kFound, {"v=spf1 -all exp=e.example"}, 60});
  ASSERT_TRUE(explains.lookup().has_value());
  explains.GiveUp("late");
  EXPECT_FALSE(explains.lookup().has_value());
  EXPECT_EQ(Text(explains.answer()), "fail -all");
}

TEST_F(SpfEvaluationTest, DomainsThatHaveNoPolicyCauseNoLookup) {
  for (const std::string domain : {"", ".", "localhost", "[192.0.2.1]",
                                   "a..example", "a b\n.example", ".example"}) {
    EXPECT_EQ(Evaluate("s", domain), "none ") << domain;
    EXPECT_TRUE(asked_.empty()) << domain;
  }
  EXPECT_EQ(Evaluate("s", std::string(64, 'a') + ".example"), "none ");
  EXPECT_TRUE(asked_.empty());
}

// The reason goes into the log and into the header field.
TEST_F(SpfEvaluationTest, ReasonIsPrintableAndBounded) {
  Add("x.example", DnsAnswer::kTxt,
      absl::StrCat("v=spf1 \x01\xff", std::string(4000, 'z')));
  const std::string text = Evaluate();
  EXPECT_TRUE(
      absl::StartsWith(text, "permerror invalid term of x.example: ??zzz"))
      << text;
  EXPECT_LT(text.size(), 150u);
}

}  // namespace
}  // namespace postern::policy
