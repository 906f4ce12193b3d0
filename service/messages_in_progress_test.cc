// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/messages_in_progress.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"
#include "log/log_line.h"

namespace postern::service {
namespace {

using log::LogLine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class MessagesInProgressTest : public testing::Test, private log::LogSink {
 protected:
  using Pending = MessagesInProgress::Pending;

  MessagesInProgressTest() { log::SetLogSink(this); }
  ~MessagesInProgressTest() override { log::SetLogSink(nullptr); }

  std::unique_ptr<Pending> Begin(const std::string& session) {
    LogLine origin = LogLine::Fields(log::LineStyle());
    origin.Address("from", {.local_part = "s", .domain = "x.example"});
    return std::make_unique<Pending>(
        &messages_, MessageFacts{session, 1, 7, 2, std::move(origin)});
  }
  static LogLine Reply() {
    LogLine reply = LogLine::Fields(log::LineStyle());
    reply.Answer("reply", {250, {2, 0, 0}, "ok"});
    return reply;
  }

  MessagesInProgress messages_;
  std::vector<std::string> lines_;

 private:
  void Add(absl::string_view line) override { lines_.emplace_back(line); }
};

TEST_F(MessagesInProgressTest, ReplyIsLoggedWhenTheClientHasIt) {
  auto message = Begin("a");
  message->Answer(/*accepted=*/true);
  EXPECT_THAT(lines_, IsEmpty());
  message->Log(Reply());
  message.reset();
  EXPECT_THAT(lines_,
              ElementsAre(HasSubstr(
                  " session=a id=a-1 message result=accept size=7 rcpts=2 "
                  "from=<s@x.example> reply=\"250 2.0.0 ok\"\n")));
  EXPECT_EQ(messages_.LogRest(), 0u);
}

TEST_F(MessagesInProgressTest, AnswerThatNoClientGotHasNoReply) {
  auto message = Begin("a");
  message->Answer(/*accepted=*/true);
  message.reset();
  message = Begin("b");
  message->Answer(/*accepted=*/false);
  message.reset();
  Begin("c").reset();  // its client disconnected, and there is no answer
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("message result=accept size=7 "
                                            "rcpts=2 from=<s@x.example> "
                                            "reply=none\n"),
                                  HasSubstr("result=refuse ")));
}

TEST_F(MessagesInProgressTest, InterruptedMessageIsLogged) {
  auto message = Begin("a");
  messages_.Interrupt();
  message.reset();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(
                          " id=a-1 message result=interrupted size=7 rcpts=2 "
                          "from=<s@x.example>\n")));
  EXPECT_EQ(messages_.LogRest(), 0u);
}

TEST_F(MessagesInProgressTest, RefusalAfterInterruptIsAnInterruption) {
  auto message = Begin("a");
  messages_.Interrupt();
  message->Answer(/*accepted=*/false);
  message->Log(Reply());
  message.reset();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("result=interrupted ")));
}

TEST_F(MessagesInProgressTest, MessageStoredAfterInterruptIsAccepted) {
  auto message = Begin("a");
  messages_.Interrupt();
  message->Answer(/*accepted=*/true);
  message.reset();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("result=accept ")));
}

TEST_F(MessagesInProgressTest, LogRestLogsEachMessageOnce) {
  auto first = Begin("a");
  auto second = Begin("b");
  auto stored = Begin("c");
  stored->Answer(/*accepted=*/true);
  messages_.Interrupt();
  EXPECT_EQ(messages_.LogRest(), 3u);
  EXPECT_THAT(lines_, UnorderedElementsAre(HasSubstr("session=a id=a-1 message "
                                                     "result=interrupted "),
                                           HasSubstr("session=b id=b-1 message "
                                                     "result=interrupted "),
                                           HasSubstr("session=c id=c-1 message "
                                                     "result=accept ")));
  first->Answer(/*accepted=*/false);
  second.reset();
  stored.reset();
  EXPECT_EQ(lines_.size(), 3u);
}

TEST_F(MessagesInProgressTest, WorksWithoutAList) {
  Pending message(nullptr, {"a", 1, 0, 0, LogLine::Fields(log::LineStyle())});
  message.Answer(/*accepted=*/false);
  message.Log(Reply());
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("result=refuse ")));
}

}  // namespace
}  // namespace postern::service
