// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/print.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/reply.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"
#include "recording/transcript.h"

namespace postern::recording {
namespace {

// Returns the question and the answer that a transcript has after it is written
// and read.
Transcript::Question Read(absl::string_view ask, absl::string_view answer) {
  std::string text = "# A title.\n";
  AppendLine('A', absl::StrCat(ask, " => ", answer), "", &text);
  const auto transcript = ParseTranscript(text);
  EXPECT_TRUE(transcript.ok()) << transcript.status() << "\n" << text;
  if (!transcript.ok() || transcript->questions.size() != 1) return {};
  return transcript->questions[0];
}

// Texts that look like other parts of a line.
std::vector<Reply> Replies() {
  std::vector<Reply> replies;
  for (const int code : {250, 354, 450, 550}) {
    for (const EnhancedCode enhanced :
         {EnhancedCode{}, EnhancedCode{2, 1, 5}, EnhancedCode{3, 0, 0},
          EnhancedCode{4, 2, 1}, EnhancedCode{5, 1, 1},
          EnhancedCode{5, 999, 999}, EnhancedCode{5, 1000, 1}}) {
      for (const absl::string_view text : {"",
                                           " ",
                                           "-",
                                           "- x",
                                           "--",
                                           "x",
                                           "5.1.1",
                                           "5.1.1 a\nb",
                                           "5.1.1\nb",
                                           "4.2.1 x",
                                           "05.1.1 x",
                                           "5.01.1 x",
                                           "9.1.1 x",
                                           "+5.1.1 x",
                                           "5.1.1\tx",
                                           " 5.1.1 x",
                                           "2.1.5 ",
                                           "a | b",
                                           "a | | b",
                                           "| ",
                                           " |",
                                           "|",
                                           "\\x7c",
                                           "a \\| b\\",
                                           "a => b",
                                           "a\r\nb",
                                           "\xc3\xa9\x01\"",
                                           "550 5.1.1 x",
                                           "accept | accept"}) {
        replies.push_back({code, enhanced, std::string(text)});
      }
    }
  }
  return replies;
}

TEST(PrintTest, ARepliesOctetsStay) {
  for (const Reply& reply : Replies()) {
    std::vector<Verdict> verdicts;
    verdicts.push_back(Verdict::Accept().With(reply));
    verdicts.push_back(Verdict::Refuse(reply));
    verdicts.push_back(Verdict::Drop(reply));
    for (const Verdict& verdict : verdicts) {
      const std::string printed = PrintAnswer(verdict);
      SCOPED_TRACE(printed);
      const auto read = Read("rcpt <u@d>", printed);
      EXPECT_EQ(read.ask, "rcpt <u@d>");
      ASSERT_TRUE(read.answer);
      const auto* const same = std::get_if<Verdict>(&*read.answer);
      ASSERT_NE(same, nullptr);
      EXPECT_EQ(same->kind(), verdict.kind());
      ASSERT_TRUE(same->reply());
      EXPECT_EQ(FormatReply(*same->reply()), FormatReply(reply));
      EXPECT_EQ(PrintAnswer(*read.answer), printed);
    }
  }
}

// LMTP: one answer for each recipient.
TEST(PrintTest, EachReplysOctetsStay) {
  for (const Reply& reply : Replies()) {
    std::vector<Verdict> verdicts;
    verdicts.push_back(Verdict::Refuse(reply));
    verdicts.push_back(Verdict::Accept());
    verdicts.push_back(Verdict::Accept().With(reply));
    const std::string printed = PrintVerdicts(verdicts);
    SCOPED_TRACE(printed);
    const auto read = Read("body-end 4", printed);
    ASSERT_TRUE(read.answer);
    const auto* const same = std::get_if<std::vector<Verdict>>(&*read.answer);
    ASSERT_NE(same, nullptr);
    ASSERT_EQ(same->size(), 3u);
    EXPECT_FALSE((*same)[1].reply());
    for (const size_t i : {0u, 2u}) {
      ASSERT_TRUE((*same)[i].reply());
      EXPECT_EQ(FormatReply(*(*same)[i].reply()), FormatReply(reply));
    }
    EXPECT_EQ(PrintAnswer(*read.answer), printed);
  }
}

TEST(PrintTest, AQuestionMayLookLikeAnAnswer) {
  for (const absl::string_view name :
       {"c =>", "c => accept", "c => => x", "=>", "a=>b"}) {
    const std::string ask = PrintAsk(
        {RequestId{1}, Hello{Hello::Verb::kHelo, std::string(name)}}, {});
    const Verdict verdict = Verdict::Refuse({550, {5, 7, 1}, "no"});
    const std::string printed = PrintAnswer(verdict);
    const auto read = Read(ask, printed);
    EXPECT_EQ(read.ask, ask);
    ASSERT_TRUE(read.answer);
    EXPECT_EQ(PrintAnswer(*read.answer), printed);
  }
}

}  // namespace
}  // namespace postern::recording
