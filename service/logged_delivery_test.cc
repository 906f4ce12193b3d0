// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/logged_delivery.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "delivery/discard.h"
#include "engine/delivery.h"
#include "engine/event.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"

namespace postern::service {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class LoggedDeliveryTest : public testing::Test, private log::LogSink {
 protected:
  LoggedDeliveryTest() {
    log::SetLogSink(this);
    session_.session_id = "a";
    session_.remote_address = "192.0.2.1";
  }
  ~LoggedDeliveryTest() override { log::SetLogSink(nullptr); }

  // Opens the session's n-th message, takes `content`, and gives it up.
  void GiveUp(int message, absl::string_view content) {
    const Envelope envelope = {.from = {"s", "x.example"},
                               .to = {{{"u", "d.example"}, {}}},
                               .message = message};
    Delivery::Opened opened = delivery_.Open(envelope, session_);
    auto& sink = std::get<std::unique_ptr<MessageSink>>(opened);
    EXPECT_TRUE(sink->Write({&content, 1}, [] { FAIL(); }));
  }
  void Refuse(int message) {
    delivery_.OnContentRefused({.reply = {552, {5, 3, 4}, "too big"},
                                .message = message,
                                .content = true},
                               session_);
  }

  SessionInfo session_;
  delivery::Discard discard_;
  LoggedDelivery delivery_{&discard_};
  std::vector<std::string> lines_;

 private:
  void Add(absl::string_view line) override { lines_.emplace_back(line); }
};

TEST_F(LoggedDeliveryTest, RefusedContentHasTheFactsOfItsMessage) {
  GiveUp(1, "hello");
  Refuse(1);
  EXPECT_THAT(lines_,
              ElementsAre(HasSubstr(
                  " id=a-1 message result=refuse size=5 rcpts=1 ip=192.0.2.1 "
                  "from=<s@x.example> reply=\"552 5.3.4 too big\"\n")));
}

// A chunk that is too large is refused before there is a sink. The sink before
// it was that of another message.
TEST_F(LoggedDeliveryTest, ARefusedFirstChunkHasNoFactsOfAnEarlierMessage) {
  GiveUp(1, "hello");
  Refuse(2);
  Refuse(2);
  EXPECT_THAT(
      lines_,
      ElementsAre(AllOf(HasSubstr(" id=a-2 message result=refuse ip=192.0.2.1 "
                                  "reply=\"552 5.3.4 too big\"\n"),
                        Not(HasSubstr("size="))),
                  HasSubstr(" id=a-2 message result=refuse ip=")));
}

}  // namespace
}  // namespace postern::service
