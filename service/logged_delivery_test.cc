// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/logged_delivery.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "delivery/discard.h"
#include "engine/ask.h"
#include "engine/delivery.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"
#include "service/metrics.h"

namespace postern::service {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Answers each message with `verdict`. If `refuses`, refuses to open messages.
class FakeDelivery : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }

  bool opens_later = false;
  Policy::Done opened;
  bool refuses = false;
  Verdict verdict = Verdict::Accept();
  std::vector<Verdict> verdicts;  // LMTP's; empty: `verdict` is all of them

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(FakeDelivery* owner) : owner_(*owner) {}
    std::optional<Verdict> Open(const Envelope&, Policy::Later later) override {
      if (owner_.opens_later) {
        owner_.opened = later();
        return std::nullopt;
      }
      if (owner_.refuses) {
        return Verdict::Refuse({451, {4, 3, 0}, "not now"}).By("lmtp");
      }
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view>,
               absl::AnyInvocable<void() &&>) override {
      return true;
    }
    void Commit(Policy::Done done) override { std::move(done)(owner_.verdict); }
    void CommitEach(EachDone done) override {
      std::move(done)(owner_.verdicts.empty()
                          ? std::vector<Verdict>{owner_.verdict}
                          : owner_.verdicts);
    }

   private:
    FakeDelivery& owner_;
  };
};

class LoggedDeliveryTest : public testing::Test, private log::LogSink {
 protected:
  LoggedDeliveryTest() {
    log::SetLogSink(this);
    envelope_.message = 1;
    envelope_.from = {.local_part = "s", .domain = "x.example"};
    envelope_.to.resize(2);
  }
  ~LoggedDeliveryTest() override { log::SetLogSink(nullptr); }

  std::unique_ptr<MailTransaction> Open() {
    auto transaction =
        logged_.Begin({.from = envelope_.from, .message = envelope_.message},
                      std::make_shared<const SessionInfo>(session_));
    const std::optional<Verdict> opened =
        transaction->Open(envelope_, []() -> Policy::Done { std::abort(); });
    if (opened->accepted()) return transaction;
    EXPECT_THAT(lines_, IsEmpty());  // not before the client has the reply
    transaction->OnReplied();
    return nullptr;
  }
  // Completes a message. Returns the reply text of its verdict.
  std::string Deliver() {
    const std::unique_ptr<MailTransaction> transaction = Open();
    const absl::string_view slices[] = {"Subject: x\r\n", "\r\n"};
    transaction->Write(slices, [] {});
    std::string text;
    transaction->Commit(
        [&text](const Verdict& verdict) { text = verdict.reply()->text; });
    EXPECT_THAT(lines_, IsEmpty());  // not before the client has the reply
    transaction->OnReplied();
    return text;
  }

  // The same by LMTP; returns the replies.
  std::vector<std::string> DeliverEach() {
    session_.hello_verb = Hello::Verb::kLhlo;
    const std::unique_ptr<MailTransaction> transaction = Open();
    std::vector<std::string> texts;
    transaction->CommitEach([&texts](const std::vector<Verdict>& verdicts) {
      for (const Verdict& each : verdicts) texts.push_back(each.reply()->text);
    });
    EXPECT_THAT(lines_, IsEmpty());
    transaction->OnReplied();
    return texts;
  }

  FakeDelivery delivery_;
  Metrics metrics_;
  LoggedDelivery logged_{&delivery_, &metrics_};
  Envelope envelope_;
  SessionInfo session_ = {.session_id = "s1",
                          .remote_address = IpAddress::Parse("192.0.2.1")};
  std::vector<std::string> lines_;

 private:
  void Add(absl::string_view line) override { lines_.emplace_back(line); }
};

TEST_F(LoggedDeliveryTest, AcceptedMessageIsLoggedAndItsIdIsInTheReply) {
  EXPECT_EQ(Deliver(), "ok s1-1");
  ASSERT_EQ(lines_.size(), 1u);
  for (const char* part :
       {" session=s1 id=s1-1 message result=accept ", " size=14 ", " rcpts=2 ",
        " ip=192.0.2.1 ", " from=<s@x.example> ", " reply=\"250 2.0.0 ok"}) {
    EXPECT_THAT(lines_[0], HasSubstr(part));
  }
  EXPECT_EQ(metrics_.counts().messages[1].load(), 1u);
}

TEST_F(LoggedDeliveryTest, RefusalIsLoggedAsTheClientGetsIt) {
  delivery_.verdict = Verdict::Refuse({452, {4, 3, 1}, "no room"});
  EXPECT_EQ(Deliver(), "no room");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(" result=refuse ")));
  EXPECT_THAT(lines_[0], HasSubstr(" reply=\"452 4.3.1 no room\""));
  EXPECT_EQ(metrics_.counts().messages[0].load(), 1u);
}

TEST_F(LoggedDeliveryTest, ReasonOfAFilterIsLoggedAlsoIfItAccepts) {
  delivery_.verdict = Verdict::Accept().By("rspamd").From("no action, score 1");
  EXPECT_EQ(Deliver(), "ok s1-1");
  EXPECT_THAT(lines_[0], HasSubstr(" rule=rspamd source=\"no action, score 1\" "
                                   "reply=\"250 2.0.0 ok s1-1\""));
  lines_.clear();
  EXPECT_THAT(DeliverEach(), ElementsAre("ok s1-1"));
  EXPECT_THAT(lines_[0], HasSubstr(" rule=rspamd "));
  lines_.clear();
  session_.hello_verb = Hello::Verb::kEhlo;
  delivery_.verdict =
      Verdict::Refuse({550, {5, 7, 1}, "spam"}).By("rspamd").From("reject");
  EXPECT_EQ(Deliver(), "spam");
  EXPECT_THAT(lines_[0], HasSubstr(" rule=rspamd source=reject "
                                   "reply=\"550 5.7.1 spam\""));
}

TEST_F(LoggedDeliveryTest, EachRefusedRecipientOfLmtpHasALine) {
  envelope_.to = {{{"a", "d"}, {}}, {{"b", "d"}, {}}, {{"c", "d"}, {}}};
  const Verdict full =
      Verdict::Refuse({452, {4, 3, 1}, "full"}).By("maildir").From("/m/b");
  delivery_.verdicts = {full, Verdict::Accept(), Verdict::Accept()};
  EXPECT_THAT(DeliverEach(), ElementsAre("full", "ok s1-1", "ok s1-1"));
  EXPECT_THAT(
      lines_,
      ElementsAre(
          AllOf(HasSubstr(" message result=accept "), HasSubstr(" rcpts=3 "),
                HasSubstr(" refused=1 reply=\"250 2.0.0 ok s1-1\"")),
          HasSubstr(" id=s1-1 rcpt decision=refuse rule=maildir source=/m/b "
                    "ip=192.0.2.1 host=\"\" from=<s@x.example> to=<a@d> "
                    "reply=\"452 4.3.1 full\"")));
  EXPECT_EQ(metrics_.counts().messages[1].load(), 1u);
}

TEST_F(LoggedDeliveryTest, OneAnswerForAllRecipientsOfLmtpHasOneLine) {
  EXPECT_THAT(DeliverEach(), ElementsAre("ok s1-1"));
  EXPECT_THAT(lines_, ElementsAre(AllOf(HasSubstr(" result=accept "),
                                        Not(HasSubstr("refused=")))));
  lines_.clear();
  delivery_.verdict = Verdict::Refuse({451, {4, 3, 0}, "no"});
  EXPECT_THAT(DeliverEach(), ElementsAre("no"));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(" result=refuse ")));
}

TEST_F(LoggedDeliveryTest, MessageThatCannotBeOpenedIsLogged) {
  delivery_.refuses = true;
  EXPECT_EQ(Open(), nullptr);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(" result=refuse ")));
  EXPECT_THAT(lines_[0],
              HasSubstr(" rule=lmtp source=\"\" reply=\"451 4.3.0 not now\""));
}

// The delivery answers Open() when the session and its LoggedDelivery are gone.
TEST_F(LoggedDeliveryTest, SessionThatEndsBeforeTheDeliveryOpens) {
  delivery_.opens_later = true;
  for (const bool accepts : {true, false}) {
    auto logged = std::make_unique<LoggedDelivery>(&delivery_, &metrics_);
    std::shared_ptr<MailTransaction> transaction =
        logged->Begin({.from = envelope_.from, .message = envelope_.message},
                      std::make_shared<const SessionInfo>(session_));
    ASSERT_FALSE(transaction->Open(envelope_, [&]() -> Policy::Done {
      return [keep = transaction](const Verdict&) {};
    }));
    transaction.reset();
    logged.reset();
    std::move(delivery_.opened)(
        accepts ? Verdict::Accept()
                : Verdict::Refuse({451, {4, 3, 0}, "not now"}));
    EXPECT_THAT(lines_, IsEmpty());
  }
}

TEST_F(LoggedDeliveryTest, RefusedContentIsLoggedWithItsFacts) {
  auto transaction = Open();
  // The engine writes the trace fields as soon as Open() has accepted.
  const absl::string_view trace = "Received: x\r\n";
  EXPECT_TRUE(transaction->Write({&trace, 1}, [] {}));
  transaction.reset();
  EXPECT_THAT(lines_, IsEmpty());
  Refusal refusal;
  refusal.message = 1;
  refusal.content = true;
  refusal.reply = {554, {5, 6, 0}, "bare newline"};
  logged_.OnContentRefused(refusal, session_);
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0], HasSubstr(" from=<s@x.example> "));
  EXPECT_THAT(lines_[0], HasSubstr(" reply=\"554 5.6.0 bare newline\""));
}

TEST_F(LoggedDeliveryTest, ReceivedFieldHasTheIdOfTheMessage) {
  const auto transaction = Open();
  EXPECT_EQ(logged_.Stamp().id, "s1-1");
}

// Tests of content that the session refuses, with a delivery that accepts
// everything.
class RefusedContentTest : public testing::Test, private log::LogSink {
 protected:
  RefusedContentTest() {
    log::SetLogSink(this);
    session_.session_id = "a";
    session_.remote_address = IpAddress::Parse("192.0.2.1");
  }
  ~RefusedContentTest() override { log::SetLogSink(nullptr); }

  // Opens the session's n-th message, writes `content`, and ends the
  // transaction without Commit().
  void GiveUp(int message, absl::string_view content) {
    const Envelope envelope = {.from = {"s", "x.example"},
                               .to = {{{"u", "d.example"}, {}}},
                               .message = message};
    const auto transaction =
        delivery_.Begin({.from = envelope.from, .message = message},
                        std::make_shared<const SessionInfo>(session_));
    EXPECT_TRUE(
        transaction->Open(envelope, []() -> Policy::Done { std::abort(); })
            ->accepted());
    EXPECT_TRUE(transaction->Write({&content, 1}, [] { FAIL(); }));
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

TEST_F(RefusedContentTest, RefusedContentHasTheFactsOfItsMessage) {
  GiveUp(1, "hello");
  Refuse(1);
  EXPECT_THAT(lines_,
              ElementsAre(HasSubstr(
                  " id=a-1 message result=refuse size=5 rcpts=1 ip=192.0.2.1 "
                  "from=<s@x.example> reply=\"552 5.3.4 too big\"\n")));
}

// A chunk that is too large is refused before Open(). The last opened
// transaction belongs to another message.
TEST_F(RefusedContentTest, RefusedFirstChunkHasNoFactsOfAnEarlierMessage) {
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
