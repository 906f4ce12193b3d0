// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/rspamd_answer.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/header_field.h"
#include "engine/grammar/reply.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// Returns the answer as text: the first line of the reply or "accept", what is
// added, and what is changed.
std::string Summary(const FilterAnswer& answer) {
  std::string text = "accept";
  if (answer.refusal) {
    text = FormatReply(*answer.refusal);
    text.resize(text.size() - 2);
  }
  if (!answer.edits.add.empty()) absl::StrAppend(&text, "|", answer.edits.add);
  for (const HeaderChange& change : answer.edits.changes) {
    absl::StrAppend(&text, "|-", change.name, " ", change.which,
                    change.replacement);
  }
  return text;
}

TEST(RspamdAnswerTest, ActionsAreThoseOfItsMilter) {
  const struct {
    absl::string_view json;
    absl::string_view summary;
  } cases[] = {
      {R"({"action":"no action"})", "accept"},
      {R"({"action":"greylist","score":5})", "accept"},
      {R"({"action":"add header"})", "accept|X-Spam: Yes\r\n|-X-Spam 0"},
      {R"({"action":"add header","milter":{"spam_header":"maybe"}})",
       "accept|X-Spam: maybe\r\n|-X-Spam 0"},
      {R"({"action":"add header","milter":{"spam_header":
          {"X-Junk":"1","X-Mark":"2"}}})",
       "accept|X-Junk: 1\r\nX-Mark: 2\r\n|-X-Junk 0|-X-Mark 0"},
      {R"({"action":"no action","milter":{"spam_header":"maybe"}})", "accept"},
      {R"({"action":"rewrite subject","subject":"*** SPAM *** x"})",
       "accept|-Subject 1Subject: *** SPAM *** x\r\n"},
      {R"({"action":"rewrite subject"})", "accept"},
      {R"({"action":"soft reject"})", "451 4.7.1 try again later (#4.7.1)"},
      {R"({"action":"soft reject","messages":{"smtp_message":"Greylisted"}})",
       "451 4.7.1 Greylisted"},
      {R"({"action":"reject"})",
       "550 5.7.1 message refused by the content filter (#5.7.1)"},
      {R"({"action":"reject","messages":{"smtp_message":" Gtube pattern\n"}})",
       "550 5.7.1 Gtube pattern"},
      {R"({"action":"reject","messages":{"smtp_message":"a\r\n250 ok"}})",
       "550 5.7.1 message refused by the content filter (#5.7.1)"},
      {R"({"action":"reject","messages":{"smtp_message":"\u00fc"}})",
       "550 5.7.1 message refused by the content filter (#5.7.1)"},
      {R"({"action":"reject","messages":{"smtp_message":7}})",
       "550 5.7.1 message refused by the content filter (#5.7.1)"},
      {R"({"action":"reject","milter":{"reject":"discard"}})",
       "550 5.7.1 message refused by the content filter (#5.7.1)"},
      {R"({"action":"reject","milter":{"reject":"quarantine"}})",
       "550 5.7.1 message refused by the content filter (#5.7.1)"},
      {R"({"action":"discard"})",
       "550 5.7.1 message refused by the content filter (#5.7.1)"},
      {R"({"action":"reject","milter":{"no_action":true}})",
       "accept|X-Rspamd-Action: reject\r\n"},
      {R"({"action":"reject","milter":{"no_action":false}})",
       "550 5.7.1 message refused by the content filter (#5.7.1)"},
      {R"({"action":"no action","dkim-signature":"v=1; a=b;\r\n\tc=d"})",
       "accept|DKIM-Signature: v=1; a=b;\r\n\tc=d\r\n"},
      {R"({"action":"no action","dkim-signature":["1","2"]})",
       "accept|DKIM-Signature: 1\r\nDKIM-Signature: 2\r\n"},
      {R"({"action":"no action","milter":{"add_headers":{
          "X-A":"1", "X-B":{"value":"2","order":1},
          "X-C":["3",{"value":"4"}], "X-D":5.5}}})",
       "accept|X-A: 1\r\nX-B: 2\r\nX-C: 3\r\nX-C: 4\r\nX-D: 5.5\r\n"},
      {R"({"action":"no action","milter":{"remove_headers":{
          "X-A":0, "X-B":[1,-1], "X-C":2.0}}})",
       "accept|-X-A 0|-X-B 1|-X-B -1|-X-C 2"},
      {R"({"action":"no action","milter":[],"messages":[],"x":{}})", "accept"},
      {R"({"action":"no action","milter":{"add_headers":[],"add_rcpt":[],
          "remove_headers":null}})",
       "accept"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.json));
    const auto answer = ReadRspamdAnswer(c.json);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(Summary(answer->answer), c.summary);
  }
}

// Otherwise --rspamd-down accept would accept what rspamd refuses.
TEST(RspamdAnswerTest, EditsThatCannotBeMadeDoNotUndoARefusal) {
  const std::string long_line(2000, 'x');
  const std::string edits[] = {
      R"("milter":"x")",
      R"("milter":{"add_headers":"x"})",
      R"("milter":{"add_headers":{"A b":"x"}})",
      absl::StrCat(R"("milter":{"add_headers":{"A":")", long_line, "\"}}"),
      R"("milter":{"remove_headers":{"A":"x"}})",
      R"("milter":{"change_from":"a@b"})",
      R"("milter":{"add_rcpt":["a@b"],"no_action":false})",
      R"("dkim-signature":{"a":1})",
  };
  const struct {
    absl::string_view action;
    int code;
  } cases[] = {{"reject", 550}, {"discard", 550}, {"soft reject", 451}};
  for (const std::string& edit : edits) {
    for (const auto& c : cases) {
      SCOPED_TRACE(absl::StrCat(c.action, edit.substr(0, 80)));
      const auto answer = ReadRspamdAnswer(
          absl::StrCat(R"({"action":")", c.action, "\",", edit, "}"));
      ASSERT_TRUE(answer.ok()) << answer.status();
      ASSERT_TRUE(answer->answer.refusal);
      EXPECT_EQ(answer->answer.refusal->code, c.code);
    }
    EXPECT_FALSE(
        ReadRspamdAnswer(absl::StrCat(R"({"action":"no action",)", edit, "}"))
            .ok());
  }
  // Without its action, the message is accepted, and needs its edits.
  EXPECT_FALSE(ReadRspamdAnswer(R"({"action":"reject","milter":{
                                "no_action":true,"add_rcpt":["a@b"]}})")
                   .ok());
}

// The sender's own subject is part of it.
TEST(RspamdAnswerTest, SubjectThatIsTooLongIsCut) {
  std::string words;
  for (size_t i = 0; i < kMaxRspamdHeader / 8; ++i) words += "a subject ";
  for (const std::string& own : {std::string(2000, 'x'), words}) {
    const std::string subject = absl::StrCat("*** SPAM *** ", own);
    const auto answer = ReadRspamdAnswer(absl::StrCat(
        R"({"action":"rewrite subject","subject":")", subject, "\"}"));
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->answer.edits.changes.size(), 1u);
    EXPECT_EQ(answer->answer.edits.changes[0].replacement,
              absl::StrCat("Subject: ",
                           absl::StripAsciiWhitespace(subject.substr(0, 900)),
                           "\r\n"));
  }
}

TEST(RspamdAnswerTest, ReasonHasActionAndScore) {
  const struct {
    absl::string_view json;
    absl::string_view reason;
    RspamdOutcome outcome;
  } cases[] = {
      {R"({"action":"add header","score":7.25,"required_score":15})",
       "add header, score 7.25 of 15", RspamdOutcome::kAddHeader},
      {R"({"action":"reject","score":-1})", "reject, score -1",
       RspamdOutcome::kReject},
      {R"({"action":"no action","score":"x"})", "no action",
       RspamdOutcome::kNoAction},
      {R"({"action":"soft reject","required_score":15})", "soft reject",
       RspamdOutcome::kSoftReject},
  };
  for (const auto& c : cases) {
    const auto answer = ReadRspamdAnswer(c.json);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->answer.reason, c.reason);
    EXPECT_EQ(answer->outcome, c.outcome);
  }
}

TEST(RspamdAnswerTest, WhatCannotBeCarriedOutIsAnError) {
  const struct {
    absl::string_view json;
    absl::string_view error;
  } cases[] = {
      {"", "not a JSON object"},
      {"no", "not a JSON object"},
      {"[]", "not a JSON object"},
      {"\"no action\"", "not a JSON object"},
      {R"({"action":"no action")", "not a JSON object"},
      {R"({"action":"no action"} x)", "not a JSON object"},
      {R"({"error":"internal"})", "no action"},
      {R"({"action":1})", "no action"},
      {R"({"action":"accept"})", "not supported: accept"},
      {R"({"action":"quarantine"})", "not supported: quarantine"},
      {R"({"action":"too-large"})", "not supported"},
      {R"({"action":"outage"})", "not supported"},
      {R"({"action":"no action","milter":{"change_from":"a@b"}})",
       "envelope cannot be changed: change_from"},
      {R"({"action":"no action","milter":{"add_rcpt":["a@b"]}})",
       "envelope cannot be changed: add_rcpt"},
      {R"({"action":"no action","milter":{"del_rcpt":["a@b"]}})",
       "envelope cannot be changed: del_rcpt"},
      {R"({"action":"no action","milter":"x"})", "not an object"},
      {R"({"action":"no action","milter":{"add_headers":"x"}})",
       "not an object"},
      {R"({"action":"no action","milter":{"add_headers":{"A":true}}})",
       "not a string: A"},
      {R"({"action":"no action","milter":{"add_headers":{"A":{"order":1}}}})",
       "not a string: A"},
      {R"({"action":"no action","milter":{"add_headers":{"A\r\nB":"x"}}})",
       "not a name"},
      {R"({"action":"no action","milter":{"remove_headers":{"A":"x"}}})",
       "not a whole number: A"},
      {R"({"action":"no action","milter":{"remove_headers":{"A":1.5}}})",
       "not a whole number: A"},
      {R"({"action":"no action","milter":{"remove_headers":{"A":1e99}}})",
       "not a whole number: A"},
      {R"({"action":"no action","dkim-signature":{"a":1}})", "not a string"},
      {R"({"action":"add header","milter":{"spam_header":{"A":1}}})",
       "not a string"},
      {R"({"action":"rewrite subject","subject":[1]})", "not a string"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.json));
    const auto answer = ReadRspamdAnswer(c.json);
    ASSERT_FALSE(answer.ok());
    EXPECT_TRUE(absl::StrContains(answer.status().message(), c.error))
        << answer.status();
  }
}

TEST(RspamdAnswerTest, NoValueBeginsAnotherField) {
  const auto answer = ReadRspamdAnswer(
      R"({"action":"add header","dkim-signature":"v=1\r\nBcc: a@b.example",
      "milter":{"spam_header":"Yes\r\n\r\nbody","add_headers":{
      "X-A":"1\nFrom: x","X-B":{"value":"2\rTo: y\u0000"}}}})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->answer.edits.add,
            "DKIM-Signature: v=1\r\n\tBcc: a@b.example\r\n"
            "X-A: 1\r\n\tFrom: x\r\nX-B: 2\r\n\tTo: y?\r\n"
            "X-Spam: Yes\r\n\tbody\r\n");
  EXPECT_TRUE(IsHeader(answer->answer.edits.add));
}

TEST(RspamdAnswerTest, AnswersHaveLimits) {
  std::string deep = R"({"action":"no action","x":)";
  absl::StrAppend(&deep, std::string(1000000, '['), std::string(40000, ']'));
  EXPECT_FALSE(ReadRspamdAnswer(deep).ok());
  std::string closed = R"({"action":"no action","x":)";
  absl::StrAppend(&closed, std::string(1000, '['), std::string(1000, ']'), "}");
  EXPECT_FALSE(ReadRspamdAnswer(closed).ok());
  const std::string large =
      absl::StrCat(R"({"action":"no action","x":")",
                   std::string(kMaxRspamdAnswer, 'x'), R"("})");
  EXPECT_TRUE(absl::StrContains(ReadRspamdAnswer(large).status().message(),
                                "too long"));
  std::string many = R"({"action":"no action","milter":{"add_headers":{)";
  for (size_t i = 0; i < kMaxRspamdFields; ++i) {
    absl::StrAppend(&many, "\"X-", i, "\":\"1\",");
  }
  EXPECT_TRUE(
      ReadRspamdAnswer(absl::StrCat(many.substr(0, many.size() - 1), "}}}"))
          .ok());
  EXPECT_FALSE(ReadRspamdAnswer(absl::StrCat(many, R"("Y":"1"}}})")).ok());
  std::string fewer = R"({"action":"no action","milter":{"remove_headers":{)";
  for (size_t i = 0; i < kMaxRspamdFields; ++i) {
    absl::StrAppend(&fewer, "\"X-", i, "\":0,");
  }
  EXPECT_TRUE(
      ReadRspamdAnswer(absl::StrCat(fewer.substr(0, fewer.size() - 1), "}}}"))
          .ok());
  EXPECT_FALSE(ReadRspamdAnswer(absl::StrCat(fewer, R"("Y":0}}})")).ok());
  // An error shows the beginning of a text.
  EXPECT_EQ(ReadRspamdAnswer(absl::StrCat(R"({"action":")",
                                          std::string(1000, 'x'), "\"}"))
                .status()
                .message(),
            absl::StrCat("the action is not supported: ",
                         std::string(100, 'x')));
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += std::string(900, 'x') + "\\n";
  EXPECT_FALSE(ReadRspamdAnswer(absl::StrCat(R"({"action":"no action","milter":{
                                "add_headers":{"A":")",
                                             lines, "\"}}}"))
                   .ok());
}

TEST(RspamdAnswerTest, OctetsThatAreNotUtf8DoNotMakeAnOutage) {
  const auto answer = ReadRspamdAnswer(
      "{\"action\":\"no action\",\"urls\":[\"\xff\xc3\"],\"milter\":{"
      "\"add_headers\":{\"X-A\":\"\xff\"}}}");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->answer.edits.add, "X-A: ?\r\n");
}

}  // namespace
}  // namespace postern::delivery
