// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/queue_exit.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

TEST(QueueExitTest, RepliesAreThoseOfNotqmail) {
  // Observed with notqmail. The enhanced code at the beginning is RFC 2034's.
  const struct {
    int code;
    absl::string_view wire;
  } cases[] = {
      {1, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {10, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {11, "554 5.1.3 envelope address too long for qq (#5.1.3)"},
      {12, "554 5.3.0 qq permanent problem (#5.3.0)"},
      {30, "554 5.3.0 qq permanent problem (#5.3.0)"},
      {31, "554 5.3.0 mail server permanently rejected message (#5.3.0)"},
      {32, "554 5.3.0 qq permanent problem (#5.3.0)"},
      {40, "554 5.3.0 qq permanent problem (#5.3.0)"},
      {41, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {50, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {51, "451 4.3.0 qq out of memory (#4.3.0)"},
      {52, "451 4.3.0 qq timeout (#4.3.0)"},
      {53, "451 4.3.0 qq write error or disk full (#4.3.0)"},
      {54, "451 4.3.0 qq read error (#4.3.0)"},
      {55, "451 4.3.0 qq unable to read configuration (#4.3.0)"},
      {56, "451 4.3.0 qq trouble making network connection (#4.3.0)"},
      {57, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {61, "451 4.3.0 qq trouble in home directory (#4.3.0)"},
      {62, "451 4.3.0 qq trouble creating files in queue (#4.3.0)"},
      {66, "451 4.3.0 qq trouble creating files in queue (#4.3.0)"},
      {67, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {71, "451 4.3.0 mail server temporarily rejected message (#4.3.0)"},
      {72, "451 4.4.1 connection to mail server timed out (#4.4.1)"},
      {73, "451 4.4.1 connection to mail server rejected (#4.4.1)"},
      {74, "451 4.4.2 communication with mail server failed (#4.4.2)"},
      {81, "451 4.3.0 qq internal bug (#4.3.0)"},
      {82, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {91, "451 4.3.0 qq internal bug (#4.3.0)"},
      {99, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {100, "451 4.3.0 qq temporary problem (#4.3.0)"},  // not permanent
      {111, "451 4.3.0 qq temporary problem (#4.3.0)"},
      {115, "554 5.1.3 envelope address too long for qq (#5.1.3)"},
      {120, "451 4.3.0 unable to exec qq (#4.3.0)"},
      {255, "451 4.3.0 qq temporary problem (#4.3.0)"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(FormatReply(ReplyForQueueExit(c.code)),
              std::string(c.wire) + "\r\n")
        << c.code;
  }
  EXPECT_EQ(FormatReply(QueueCrashedReply()),
            "451 4.3.0 qq crashed (#4.3.0)\r\n");
  EXPECT_EQ(FormatReply(QueueLostReply()),
            "451 4.3.0 qq waitpid surprise (#4.3.0)\r\n");
  EXPECT_EQ(FormatReply(QueueUnavailableReply()),
            "451 4.3.0 qqt failure (#4.3.0)\r\n");
}

TEST(QueueExitTest, OnlyElevenToFortyAnd115ArePermanent) {
  for (int code = 1; code <= 255; ++code) {
    const Reply reply = ReplyForQueueExit(code);
    const bool permanent = (code >= 11 && code <= 40) || code == 115;
    EXPECT_EQ(reply.code, permanent ? 554 : 451) << code;
    EXPECT_EQ(reply.enhanced.class_, permanent ? 5 : 4) << code;
  }
}

TEST(QueueExitTest, CustomErrorsAreOneCleanLine) {
  const struct {
    std::string text;
    std::string wire;
  } cases[] = {
      {"", "451 4.3.0 qq temporary problem (#4.3.0)"},
      {"D1", "451 4.3.0 qq temporary problem (#4.3.0)"},
      {"Dno", "554 5.3.0 no"},
      {"Zno", "451 4.3.0 no"},
      {"xno", "451 4.3.0 no"},
      {"Dnope (#5.7.1)", "554 5.7.1 nope (#5.7.1)"},
      {"Znope (#4.7.1)", "451 4.7.1 nope (#4.7.1)"},
      {"Znope (#5.7.1)", "451 4.3.0 nope (#5.7.1)"},  // contradicts 451
      {"D5.7.1 nope", "554 5.7.1 nope"},              // not twice
      {"D5.7.1  nope (#5.6.0)", "554 5.7.1 nope (#5.6.0)"},
      {"D4.7.1 nope", "554 5.3.0 4.7.1 nope"},
      {"D5.7.1", "554 5.3.0 5.7.1"},  // would leave no text
      {"D5.7 nope", "554 5.3.0 5.7 nope"},
      {"D5.7.1.1 nope", "554 5.3.0 5.7.1.1 nope"},
      {"D5.7.1234 nope", "554 5.3.0 5.7.1234 nope"},
      {"D259.7.1 nope", "554 5.3.0 259.7.1 nope"},
      {"D261.7.1 nope", "554 5.3.0 261.7.1 nope"},  // 5, in eight bits
      {"D+5.7.1 nope", "554 5.3.0 +5.7.1 nope"},
      {"Dnope\r\n", "554 5.3.0 nope"},
      {"Dno\r\n250 yes\r\n", "554 5.3.0 no??250 yes"},
      {std::string("D\0\x1b\x7f\t\xff", 6), "554 5.3.0 ?????"},
      {"D\r\n\r\n",
       "554 5.3.0 mail server permanently rejected message (#5.3.0)"},
      {"Z\r\n\r\n", "451 4.3.0 qq temporary problem (#4.3.0)"},
  };
  for (const auto& c : cases) {
    for (const int code : {kQueueCustomError, kQueueOtherCustomError}) {
      const Reply reply = ReplyForQueueError(code, c.text);
      EXPECT_EQ(FormatReply(reply), c.wire + "\r\n") << c.text;
      EXPECT_FALSE(absl::StrContains(reply.text, '\n'));
    }
  }
}

}  // namespace
}  // namespace postern::delivery
