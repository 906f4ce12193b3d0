// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/messages_under_way.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "programs/log.h"

namespace postern::programs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MessagesUnderWayTest : public testing::Test, private LogSink {
 protected:
  using Pending = MessagesUnderWay::Pending;

  MessagesUnderWayTest() { SetLogSink(this); }
  ~MessagesUnderWayTest() override { SetLogSink(nullptr); }

  std::unique_ptr<Pending> Begin(const std::string& id) {
    return std::make_unique<Pending>(
        &messages_,
        MessageFacts{id, 7, 2, Path{.local_part = "s", .domain = "x.example"}});
  }

  MessagesUnderWay messages_;
  std::vector<std::string> lines_;

 private:
  void Add(absl::string_view line) override { lines_.emplace_back(line); }
};

TEST_F(MessagesUnderWayTest, AnswersAreLoggedAsUsualBeforeTheEnd) {
  EXPECT_TRUE(Begin("a")->Answer(/*accepted=*/true));
  EXPECT_TRUE(Begin("a")->Answer(/*accepted=*/false));
  Begin("a").reset();  // its client has gone
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(MessagesUnderWayTest, AMessageWithoutAnAnswerIsLoggedAtTheEnd) {
  auto message = Begin("a");
  messages_.Interrupt();
  message.reset();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(
                          " message result=interrupted id=a size=7 rcpts=2 "
                          "from=<s@x.example>\n")));
  EXPECT_EQ(messages_.LogRest(), 0u);
}

TEST_F(MessagesUnderWayTest, ARefusalAtTheEndIsAnInterruption) {
  auto message = Begin("a");
  messages_.Interrupt();
  EXPECT_FALSE(message->Answer(/*accepted=*/false));
  message.reset();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("result=interrupted id=a ")));
}

TEST_F(MessagesUnderWayTest, WhatIsStoredAtTheEndIsNotInterrupted) {
  auto message = Begin("a");
  messages_.Interrupt();
  EXPECT_TRUE(message->Answer(/*accepted=*/true));
  message.reset();
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(MessagesUnderWayTest, TheRestIsLoggedOnce) {
  auto first = Begin("a");
  auto second = Begin("b");
  messages_.Interrupt();
  EXPECT_EQ(messages_.LogRest(), 2u);
  EXPECT_EQ(lines_.size(), 2u);
  EXPECT_FALSE(first->Answer(/*accepted=*/false));
  second.reset();
  EXPECT_EQ(lines_.size(), 2u);
}

TEST_F(MessagesUnderWayTest, WithoutAListEachAnswerIsLogged) {
  Pending message(nullptr, {});
  EXPECT_TRUE(message.Answer(/*accepted=*/false));
}

}  // namespace
}  // namespace postern::programs
