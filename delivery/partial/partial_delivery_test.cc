// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/partial/partial_delivery.h"

#include <signal.h>
#include <sys/resource.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/partial/accepted_recipients.h"
#include "delivery/partial/scripted_delivery.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr absl::string_view kOne = "Message-ID: <1@x>\r\n\r\none\r\n";
constexpr absl::string_view kOther = "Message-ID: <2@x>\r\n\r\nother\r\n";
const Reply kFull = {552, {5, 2, 2}, "the mailbox is full"};
const Reply kBusy = {450, {4, 2, 0}, "busy"};

class PartialDeliveryTest : public testing::Test {
 protected:
  PartialDeliveryTest() { Start(PartialReply::kRetry); }
  ~PartialDeliveryTest() override {
    tasks_.RunAll();
    EXPECT_EQ(hop_->open, 0);
  }

  // Ends the server and starts it again.
  void Start(PartialReply reply) {
    delivery_.reset();
    accepted_.reset();
    PartialDeliveryOptions options{.reply = reply};
    if (reply == PartialReply::kRetry) {
      accepted_ = std::make_unique<AcceptedRecipients>(
          AcceptedRecipientsOptions{.file = folder_.File("accepted")},
          [this] { return now_; });
      const absl::Status status = accepted_->Open();
      ASSERT_TRUE(status.ok()) << status;
      options.accepted = accepted_.get();
    }
    options.destination = destination_;
    options.directory = folder_.path();
    options.run = tasks_.run();
    options.note = [this](const Envelope& envelope, const SessionInfo&,
                          absl::Span<const Verdict> verdicts) {
      std::string& line = noted_.emplace_back();
      for (size_t i = 0; i < verdicts.size(); ++i) {
        absl::StrAppend(&line, i == 0 ? "" : " ",
                        envelope.to[i].path.local_part, "=",
                        verdicts[i].reply() ? verdicts[i].reply()->code : 250);
      }
    };
    options.report = [this](absl::string_view line) {
      reported_.emplace_back(line);
    };
    delivery_ = std::make_unique<PartialDelivery>(hop_, std::move(options));
    client_.delivery = delivery_.get();
  }
  std::vector<std::string> TakeStored() {
    return std::exchange(hop_->stored, {});
  }

  const files::TestDirectory folder_;
  absl::Time now_ = absl::FromUnixSeconds(1795290976);
  TaskQueue tasks_;
  std::shared_ptr<ScriptedDelivery> hop_ = std::make_shared<ScriptedDelivery>();
  std::unique_ptr<AcceptedRecipients> accepted_;
  std::string destination_ = "lmtp:unix:/lmtp";
  std::unique_ptr<PartialDelivery> delivery_;
  ScriptedClient client_{nullptr, &tasks_};
  std::vector<std::string> noted_;
  std::vector<std::string> reported_;
};

TEST_F(PartialDeliveryTest, EqualVerdictsAreOne) {
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne),
            (Reply{250, {2, 0, 0}, "ok a"}));
  EXPECT_EQ(hop_->replied, 1);
  hop_->at_end = {{"a", kFull}, {"b", kBusy}};
  // Temporary if one of them is.
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne), kBusy);
  hop_->at_end = {{"a", kFull}, {"b", kFull}};
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne), kFull);
  EXPECT_EQ(accepted_->size(), 0u);
  EXPECT_THAT(noted_, IsEmpty());
}

TEST_F(PartialDeliveryTest, RetryReachesTheOtherRecipientsOnly) {
  hop_->at_end = {{"b", kFull}, {"c", kBusy}};
  const Reply reply = client_.Send("s", {"a", "b", "c"}, kOne);
  EXPECT_EQ(reply.code, 451);
  EXPECT_EQ(reply.text,
            "1 of 3 recipients have the message, send it again for the others: "
            "<c@d.example>: 450 4.2.0 busy (#4.5.0)");
  EXPECT_THAT(noted_, ElementsAre("a=250 b=552 c=450"));
  EXPECT_THAT(TakeStored(), ElementsAre("a: Message-ID: <1@x>\r\n\r\none\r\n"));
  // Also after a restart.
  Start(PartialReply::kRetry);
  hop_->at_end.erase("c");
  EXPECT_EQ(client_.Send("s", {"a", "b", "c"}, kOne).text,
            "2 of 3 recipients have the message, send it again for the others: "
            "<b@d.example>: 552 5.2.2 the mailbox is full (#4.5.0)");
  EXPECT_THAT(TakeStored(), ElementsAre("c: Message-ID: <1@x>\r\n\r\none\r\n"));
  Start(PartialReply::kRetry);
  hop_->at_end.clear();
  EXPECT_EQ(client_.Send("s", {"a", "b", "c"}, kOne),
            (Reply{250, {2, 0, 0}, "ok b"}));
  EXPECT_THAT(TakeStored(), ElementsAre("b: Message-ID: <1@x>\r\n\r\none\r\n"));
  // It is forgotten: the next message like it is another one.
  EXPECT_EQ(accepted_->size(), 0u);
  Start(PartialReply::kRetry);
  EXPECT_EQ(accepted_->size(), 0u);
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 250);
  EXPECT_EQ(TakeStored().size(), 2u);
}

// A device sends the same alarm again. That is a new message, and it must not
// be taken for the retry of the first one.
TEST_F(PartialDeliveryTest, EqualMessageWithoutADateIsAnotherOne) {
  constexpr absl::string_view kAlarm = "Subject: alarm\r\n\r\nfire\r\n";
  hop_->at_end = {{"b", kFull}};
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kAlarm).code, 451);
  EXPECT_EQ(TakeStored().size(), 1u);
  EXPECT_EQ(accepted_->size(), 0u);
  // Also if the sender has a record of another message, so that this one is
  // held.
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 451);
  EXPECT_EQ(TakeStored().size(), 1u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client_.Send("s", {"a", "b"}, kAlarm).code, 451);
    EXPECT_EQ(TakeStored().size(), 1u);
    EXPECT_EQ(accepted_->size(), 1u);
  }
  hop_->at_end.clear();
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kAlarm).code, 250);
  EXPECT_EQ(TakeStored().size(), 2u);
}

// Rcpt::index counts the recipients that are asked, also those that are
// refused.
TEST_F(PartialDeliveryTest, RetryCountsItsRecipients) {
  hop_->at_end = {{"a", kBusy}, {"b", kBusy}, {"c", kBusy}};
  EXPECT_EQ(client_.Send("s", {"x", "a", "b", "c"}, kOne).code, 451);
  hop_->at_end.clear();
  const int begun = hop_->begun;
  hop_->on_begin = [this, begun] {
    hop_->indices.clear();
    if (hop_->begun == begun + 2) hop_->at_rcpt = {{"a", kBusy}, {"b", kBusy}};
  };
  EXPECT_EQ(client_.Send("s", {"x", "a", "b", "c"}, kOne).code, 451);
  EXPECT_THAT(hop_->indices, ElementsAre(0u, 1u, 2u));
}

// Clients send to the recipients of a message one by one, or in other groups.
TEST_F(PartialDeliveryTest, RetryMayHaveOtherRecipients) {
  hop_->at_end = {{"b", kFull}};
  EXPECT_EQ(client_.Send("s", {"a", "b", "c"}, kOne).code, 451);
  TakeStored();
  EXPECT_EQ(client_.Send("s", {"a"}, kOne).code, 250);
  EXPECT_THAT(TakeStored(), IsEmpty());
  EXPECT_EQ(client_.Send("s", {"b"}, kOne), kFull);
  EXPECT_EQ(client_.Send("s", {"d", "c"}, kOne).code, 250);
  EXPECT_EQ(TakeStored().size(), 1u);  // d
  EXPECT_EQ(accepted_->size(), 0u);
}

TEST_F(PartialDeliveryTest, OtherMessagesReachAllRecipients) {
  hop_->at_end = {{"b", kFull}};
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 451);
  hop_->at_end.clear();
  TakeStored();
  // Another content, sender or destination.
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOther).code, 250);
  EXPECT_EQ(TakeStored().size(), 2u);
  EXPECT_EQ(client_.Send("t", {"a", "b"}, kOne).code, 250);
  EXPECT_EQ(TakeStored().size(), 2u);
  destination_ = "lmtp:unix:/other";
  Start(PartialReply::kRetry);
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 250);
  EXPECT_EQ(TakeStored().size(), 2u);
  // None of these has ended the first one.
  EXPECT_EQ(accepted_->size(), 1u);
}

TEST_F(PartialDeliveryTest, RetryWithNewTraceFieldsIsTheSame) {
  hop_->at_end = {{"b", kFull}};
  EXPECT_EQ(
      client_
          .Send("s", {"a", "b"}, absl::StrCat("DKIM-Signature: t=1\r\n", kOne))
          .code,
      451);
  hop_->at_end.clear();
  TakeStored();
  EXPECT_EQ(
      client_
          .Send("s", {"a", "b"}, absl::StrCat("DKIM-Signature: t=2\r\n", kOne))
          .code,
      250);
  EXPECT_THAT(TakeStored(),
              ElementsAre(absl::StrCat("b: DKIM-Signature: t=2\r\n", kOne)));
}

// 300,000 octets: in a file while they are held.
TEST_F(PartialDeliveryTest, LargeMessageIsHeldOnDisk) {
  std::string content = "Date: Mon, 30 Nov 2026 18:00:00 +0000\r\n\r\n";
  for (int i = 0; content.size() < 300000; ++i) {
    absl::StrAppend(&content, i, "\r\n");
  }
  hop_->at_end = {{"b", kFull}};
  EXPECT_EQ(client_.Send("s", {"a", "b"}, content).code, 451);
  TakeStored();
  hop_->at_end.clear();
  EXPECT_EQ(client_.Send("s", {"a", "b"}, content).code, 250);
  const std::vector<std::string> stored = TakeStored();
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_TRUE(stored[0] == absl::StrCat("b: ", content));
}

TEST_F(PartialDeliveryTest, NextHopDecidesAboutTheRetry) {
  hop_->at_end = {{"b", kFull}, {"c", kFull}};
  EXPECT_EQ(client_.Send("s", {"a", "b", "c"}, kOne).code, 451);
  TakeStored();
  hop_->at_data = kBusy;
  Reply reply = client_.Send("s", {"a", "b", "c"}, kOne);
  EXPECT_EQ(reply.code, 451);
  EXPECT_TRUE(absl::StrContains(reply.text, "450 4.2.0 busy")) << reply.text;
  hop_->at_data.reset();
  // A mailbox that disappears between the client's RCPT and the end of the
  // content.
  hop_->at_end.clear();
  const int begun = hop_->begun;
  hop_->on_begin = [this, begun] {
    if (hop_->begun == begun + 2) {
      hop_->at_rcpt = {{"b", {550, {5, 1, 1}, "no mailbox"}}};
    }
  };
  reply = client_.Send("s", {"a", "b", "c"}, kOne);
  EXPECT_EQ(reply.code, 451);
  EXPECT_TRUE(absl::StrContains(reply.text, "550 5.1.1 no mailbox"))
      << reply.text;
  EXPECT_THAT(TakeStored(), ElementsAre(absl::StrCat("c: ", kOne)));
}

// The recipients that have it now must not get it again, although this client
// has not got its 250.
TEST_F(PartialDeliveryTest, ClientThatLeavesBeforeThe250) {
  hop_->at_end = {{"b", kFull}};
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 451);
  hop_->at_end.clear();
  client_.replies = false;
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 250);
  EXPECT_EQ(TakeStored().size(), 2u);
  Start(PartialReply::kRetry);
  client_.replies = true;
  const int begun = hop_->begun;
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 250);
  EXPECT_EQ(hop_->begun, begun + 1);  // RCPT is asked; no message follows
  EXPECT_THAT(TakeStored(), IsEmpty());
  EXPECT_EQ(accepted_->size(), 0u);
}

// The client gives up waiting, and sends the message on another connection.
TEST_F(PartialDeliveryTest, SecondRetryWaitsForTheFirstOne) {
  hop_->at_end = {{"b", kFull}};
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 451);
  hop_->at_end.clear();
  TakeStored();
  Reply second;
  bool first = true;
  hop_->store = [&, store = hop_->store](const std::string& to,
                                         const std::string& content) {
    store(to, content);
    if (std::exchange(first, false)) {
      second = client_.Send("s", {"a", "b"}, kOne);
    }
  };
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 250);
  EXPECT_EQ(second.code, 451);
  EXPECT_EQ(TakeStored().size(), 1u);
}

TEST_F(PartialDeliveryTest, WithoutADiskTheClientStillSendsAgain) {
  // SQLite cannot extend its file.
  rlimit old = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  ASSERT_NE(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit none = old;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  hop_->at_end = {{"b", kFull}};
  const Reply reply = client_.Send("s", {"a", "b"}, kOne);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_EQ(reply.code, 451);
  ASSERT_EQ(reported_.size(), 1u);
  EXPECT_TRUE(absl::StrContains(reported_[0], folder_.File("accepted")))
      << reported_[0];
  TakeStored();
  // So the recipient gets it twice, and the other one gets it.
  hop_->at_end.clear();
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne).code, 250);
  EXPECT_EQ(TakeStored().size(), 2u);
}

TEST_F(PartialDeliveryTest, LmtpClientsGetEachReply) {
  client_.lmtp = true;
  hop_->at_end = {{"b", kFull}};
  for (int i = 0; i < 2; ++i) {
    const std::vector<Reply> replies = client_.SendEach("s", {"a", "b"}, kOne);
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_EQ(replies[0].code, 250);
    EXPECT_EQ(replies[1], kFull);
    EXPECT_EQ(TakeStored().size(), 1u);
  }
  EXPECT_EQ(accepted_->size(), 0u);
}

TEST_F(PartialDeliveryTest, OtherModesKeepNothing) {
  hop_->at_end = {{"b", kFull}};
  Start(PartialReply::kAccept);
  EXPECT_EQ(client_.Send("s", {"b", "a"}, kOne),
            (Reply{250, {2, 0, 0}, "ok a"}));
  EXPECT_THAT(noted_, ElementsAre("b=552 a=250"));
  Start(PartialReply::kRefuse);
  EXPECT_EQ(client_.Send("s", {"a", "b"}, kOne), kFull);
  hop_->at_end["c"] = kBusy;
  EXPECT_EQ(client_.Send("s", {"a", "b", "c"}, kOne), kBusy);
}

}  // namespace
}  // namespace postern::delivery
