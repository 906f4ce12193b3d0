// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_answer.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using Kind = PolicyAnswer::Kind;

TEST(PolicyAnswerTest, ReadsTheActions) {
  const struct {
    absl::string_view action;
    Kind kind = Kind::kNoOpinion;
    absl::string_view reply = "";  // or the text
  } cases[] = {
      {"OK"},
      {"dunno"},
      {"DUNNO has a text"},
      {"permit"},
      {"1"},
      {"250"},
      {"4500"},
      {"REJECT", Kind::kRefuse, "554 5.7.1 access denied\r\n"},
      {"reject  5.1.8  no ", Kind::kRefuse, "554 5.1.8 no\r\n"},
      {"REJECT 4.1.8 no", Kind::kRefuse, "554 5.7.1 4.1.8 no\r\n"},
      {"DEFER", Kind::kRefuse, "450 4.7.1 access denied for now\r\n"},
      {"DEFER_IF_PERMIT Greylisted", Kind::kRefuse, "450 4.7.1 Greylisted\r\n"},
      {"defer_if_permit 4.2.0 Greylisted, see http://x/?r=d", Kind::kRefuse,
       "450 4.2.0 Greylisted, see http://x/?r=d\r\n"},
      {"DEFER_IF_PERMIT", Kind::kRefuse, "450 4.7.1 service unavailable\r\n"},
      {"450", Kind::kRefuse, "450 4.7.1 access denied\r\n"},
      {"550 5.1.1 no such user", Kind::kRefuse, "550 5.1.1 no such user\r\n"},
      {"421 4.7.0 go", Kind::kRefuse, "421 4.7.0 go\r\n"},
      {"599 no", Kind::kRefuse, "599 5.7.1 no\r\n"},
      {"PREPEND X-Greylist: delayed 301 seconds", Kind::kHeader,
       "X-Greylist: delayed 301 seconds\r\n"},
      {"prepend Received-SPF: None (a=b)", Kind::kHeader,
       "Received-SPF: None (a=b)\r\n"},
      {"WARN odd client", Kind::kNote, "WARN odd client"},
      {"info", Kind::kNote, "info"},
      {"DEFER_IF_REJECT later", Kind::kNote, "DEFER_IF_REJECT later"},
  };
  for (const auto& c : cases) {
    const auto answer =
        ParsePolicyAnswer(absl::StrCat("action=", c.action, "\n\n"));
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->kind, c.kind) << c.action;
    EXPECT_EQ(answer->kind == Kind::kRefuse ? FormatReply(answer->reply)
                                            : answer->text,
              c.reply);
  }
}

TEST(PolicyAnswerTest, WhatCannotBeCarriedOutIsAnError) {
  const std::string long_field =
      absl::StrCat("PREPEND A: ", std::string(1000, 'x'));
  const struct {
    absl::string_view answer;
    absl::string_view error;
  } cases[] = {
      {"", "not NAME=VALUE"},
      {"DUNNO\n\n", "not NAME=VALUE"},
      {"result=DUNNO\n\n", "no action"},
      {"Action=DUNNO\n\n", "no action"},
      {"action=\n\n", "the action is empty"},
      {"action= \n\n", "the action is empty"},
      {"action=DUNNO\naction=REJECT\n\n", "two actions"},
      {"action=DUNNO\r\n\n", "control character"},
      {{"action=DUNNO\0\n\n", 15}, "control character"},
      {"action=FILTER smtp:[::1]:10025\n\n", "not supported: FILTER"},
      {"action=HOLD\n\n", "not supported: HOLD"},
      {"action=REDIRECT a@b\n\n", "not supported: REDIRECT"},
      {"action=BCC a@b\n\n", "not supported: BCC"},
      {"action=DISCARD\n\n", "not supported: DISCARD"},
      {"action=reject_unknown_client\n\n", "not supported: reject_unknown"},
      {"action=DUNN\n\n", "not supported: DUNN"},
      {"action=PREPEND\n\n", "without a header field"},
      {"action=PREPEND no field\n\n", "without a header field"},
      {"action=PREPEND : x\n\n", "without a header field"},
      {long_field, ""},
  };
  for (const auto& c : cases) {
    const auto answer = ParsePolicyAnswer(c.answer);
    ASSERT_FALSE(answer.ok()) << c.answer;
    EXPECT_TRUE(absl::StrContains(answer.status().message(), c.error))
        << answer.status();
  }
}

TEST(PolicyAnswerTest, OtherAttributesAreIgnored) {
  const auto answer = ParsePolicyAnswer("version=2\naction=REJECT a=b\nx=\n\n");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->reply.text, "a=b");
}

TEST(PolicyAnswerTest, Codes421And521CloseTheConnection) {
  for (const int code : {421, 521, 450, 451, 550, 554}) {
    EXPECT_EQ(RefuseWith({code, {}, "x"}).kind(),
              code % 100 == 21 ? Verdict::Kind::kDrop : Verdict::Kind::kRefuse)
        << code;
  }
}

}  // namespace
}  // namespace postern::policy
