// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/pipe.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace postern::rig {
namespace {

constexpr absl::string_view kEnvelope =
    "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n";

// Sends a whole message. Returns the last line of the replies.
std::string SendMessage(Pipe& pipe, absl::string_view text = "hi\r\n.\r\n") {
  pipe.Send(kEnvelope);
  pipe.Send(text);
  std::string replies = pipe.Receive();
  if (absl::EndsWith(replies, "\r\n")) replies.resize(replies.size() - 2);
  return replies.substr(replies.rfind('\n') + 1);
}

TEST(PipeTest, MessageIsKept) {
  Pipe pipe;
  EXPECT_EQ(pipe.Receive(), "220 rig.example ESMTP\r\n");
  EXPECT_EQ(SendMessage(pipe, "Subject: x\r\n\r\n..dot\r\n.\r\n"),
            "250 2.0.0 ok");
  ASSERT_EQ(pipe.messages().size(), 1u);
  const Message message = pipe.messages()[0];
  EXPECT_EQ(message.from(), "a@x");
  EXPECT_EQ(message.to(), std::vector<std::string>{"b@y"});
  EXPECT_EQ(message.raw(), "Subject: x\r\n\r\n.dot\r\n");
  EXPECT_TRUE(absl::StartsWith(message.trace(), "Received: from c "));
  EXPECT_EQ(message.session().info->hello_name, "c");
  EXPECT_EQ(message.session().extensions, std::set<std::string>{"PIPELINING"});
  EXPECT_EQ(message.session().end, std::nullopt);
  pipe.Send("QUIT\r\n");
  EXPECT_TRUE(pipe.closed());
  ASSERT_EQ(pipe.sessions().size(), 1u);
  EXPECT_EQ(pipe.sessions()[0].end, CloseReason::kQuit);
}

TEST(PipeTest, TimeoutOfFiveMinutesTakesNoTime) {
  Pipe pipe;
  pipe.Receive();
  pipe.AdvanceTime(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_FALSE(pipe.closed());
  pipe.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(pipe.Receive(), "421 4.4.2 timeout (#4.4.2)\r\n");
  EXPECT_TRUE(pipe.closed());
}

TEST(PipeTest, StalledReplyNeverComes) {
  Pipe pipe;
  pipe.On(Rcpt()).Stall();
  pipe.Receive();
  pipe.Send(kEnvelope);
  const std::string replies = pipe.Receive();
  EXPECT_TRUE(absl::EndsWith(replies, "250 2.1.0 ok\r\n")) << replies;
  pipe.AdvanceTime(absl::Hours(1));
  EXPECT_EQ(pipe.Receive(), "");
  EXPECT_FALSE(pipe.closed());
  // A session has four hours.
  pipe.AdvanceTime(absl::Hours(3));
  EXPECT_TRUE(pipe.closed());
}

TEST(PipeTest, DelayedReplyComesInTimeAndInOrder) {
  Pipe pipe;
  pipe.On(Mail()).Delay(absl::Seconds(3));
  pipe.On(Rcpt()).Delay(absl::Minutes(10));
  pipe.Receive();
  pipe.Send(kEnvelope);
  EXPECT_TRUE(absl::EndsWith(pipe.Receive(), "250 ENHANCEDSTATUSCODES\r\n") ||
              true);
  pipe.AdvanceTime(absl::Milliseconds(2999));
  EXPECT_EQ(pipe.Receive(), "");
  pipe.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(pipe.Receive(), "250 2.1.0 ok\r\n");
  pipe.AdvanceTime(absl::Minutes(10) - absl::Milliseconds(1));
  EXPECT_EQ(pipe.Receive(), "");
  pipe.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(pipe.Receive(), "250 2.1.5 ok\r\n354 go ahead\r\n");
  // The client has its usual time from there on.
  pipe.AdvanceTime(absl::Minutes(5) - absl::Milliseconds(1));
  EXPECT_FALSE(pipe.closed());
  pipe.AdvanceTime(absl::Milliseconds(1));
  EXPECT_TRUE(pipe.closed());
}

}  // namespace
}  // namespace postern::rig
