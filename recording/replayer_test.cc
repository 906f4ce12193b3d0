// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/replayer.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "recording/transcript.h"

namespace postern::recording {
namespace {

using Differences = std::vector<std::string>;

constexpr absl::string_view kRecording =
    "# Session a1.\n"
    "set recorded true\n"
    "A: connected\n"
    "S: 220 mx.example ESMTP\n"
    "@ 0.100\n"
    "R: 5\n"
    "R: 5\n"
    "C: HELO c.x\n"
    "A: helo c.x\n"
    "S: 250 mx.example\n"
    "R: 6\n"
    "C: QUIT\n"
    "S: 221 2.0.0 mx.example\n"
    "X: quit\n";

ReplayResult ReplayOf(absl::string_view text) {
  const auto transcript = ParseTranscript(text);
  EXPECT_TRUE(transcript.ok()) << transcript.status();
  return Replay(transcript.value_or(Transcript()));
}

Differences With(absl::string_view is, absl::string_view instead) {
  return ReplayOf(absl::StrReplaceAll(kRecording, {{is, instead}})).differences;
}

TEST(ReplayerTest, ShowsStatesQuestionsAndReplies) {
  const ReplayResult result = ReplayOf(kRecording);
  EXPECT_EQ(result.differences, Differences());
  EXPECT_EQ(result.text,
            "= ungreeted\n"
            "A: connected\n"
            "S: 220 mx.example ESMTP\n"
            "C: HELO c.x\n"
            "A: helo c.x\n"
            "S: 250 mx.example\n"
            "= idle\n"
            "C: QUIT\n"
            "S: 221 2.0.0 mx.example\n"
            "= closed\n"
            "X: quit\n");
}

TEST(ReplayerTest, FindsEveryDifference) {
  EXPECT_EQ(With("S: 250 mx.example", "S: 250 mx.other"),
            Differences({"line 2 of the replies: S: 250 mx.example, recorded: "
                         "S: 250 mx.other"}));
  EXPECT_EQ(With("A: helo c.x\n", "A: helo c.y\n")[0],
            "the session asks helo c.x, recorded is helo c.y");
  EXPECT_EQ(With("A: helo c.x\n", "")[0],
            "the session asks helo c.x, which is not recorded");
  EXPECT_EQ(With("R: 6\n", "A: vrfy x\nR: 6\n")[0],
            "the session does not ask vrfy x");
  EXPECT_EQ(
      With("X: quit", "X: abuse"),
      Differences({"the session closes (quit), recorded: closes (abuse)"}));
  EXPECT_EQ(With("A: connected", "A: connected => grant ann")[0].substr(0, 49),
            "the answer \"grant ann\" does not fit the question ");
  EXPECT_EQ(With("R: 6\n", "R: 6\nR: 7\n"), Differences());  // after the end
  EXPECT_EQ(With("R: 6\n", "TLS: TLSv1.3 X\n")[0],
            "the session does not start TLS");
}

TEST(ReplayerTest, ConfigurationChangesBeforeAQuestion) {
  const ReplayResult result = ReplayOf(absl::StrReplaceAll(
      kRecording,
      {{"C: HELO", "C: EHLO"},
       {"A: helo c.x\n", "set max_message_size 5000\nA: ehlo c.x\n"},
       {"S: 250 mx.example",
        "S: 250-mx.example\nS: 250-PIPELINING\nS: 250-SIZE 5000\n"
        "S: 250-8BITMIME\nS: 250 ENHANCEDSTATUSCODES"}}));
  EXPECT_EQ(result.differences, Differences());
}

// A process that is killed while it writes leaves a beginning.
TEST(ReplayerTest, ARecordingHasAnEnd) {
  for (size_t size = kRecording.find("set "); size + 1 < kRecording.size();
       ++size) {
    if (kRecording.substr(0, size).find("recorded true\n") ==
        absl::string_view::npos) {
      continue;
    }
    EXPECT_FALSE(ParseTranscript(kRecording.substr(0, size)).ok()) << size;
  }
}

TEST(ReplayerTest, MakesATest) {
  const auto transcript = ParseTranscript(kRecording);
  ASSERT_TRUE(transcript.ok());
  const auto test = MakeTest(kRecording, *transcript, {});
  ASSERT_TRUE(test.ok()) << test.status();
  EXPECT_EQ(*test,
            "# Session a1.\n"
            "A: connected\n"
            "S: 220 mx.example ESMTP\n"
            "C: HELO c.x\n"
            "A: helo c.x\n"
            "S: 250 mx.example\n"
            "C: QUIT\n"
            "S: 221 2.0.0 mx.example\n"
            "X: quit\n");
}

}  // namespace
}  // namespace postern::recording
