// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/routed_delivery.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "engine/verdict.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A delivery that keeps what it gets, and answers when the test says so.
class Fake : public Delivery {
 public:
  struct Message {
    std::vector<std::string> asked;     // recipients
    std::vector<std::string> envelope;  // recipients of Open()
    std::string content;
    bool committed = false;
    bool replied = false;
    bool destroyed = false;
  };

  ExtensionSet carries() const override { return extensions; }
  bool ServesRemote(const Path&) const override { return remote; }
  std::unique_ptr<MailTransaction> Begin(const Envelope& envelope,
                                         const SharedSessionInfo&) override {
    EXPECT_TRUE(envelope.to.empty());
    EXPECT_EQ(envelope.from.local_part, "sender");
    messages.push_back(std::make_shared<Message>());
    return std::make_unique<Transaction>(this, messages.back());
  }

  ExtensionSet extensions;
  bool remote = false;
  // The answers of recipients by local part; others are accepted.
  std::map<std::string, int> codes;
  std::optional<Verdict> open = Verdict::Accept();  // nullopt: later
  bool full = false;                                // Write() returns false
  // Of Commit() the first counts. Empty: later.
  std::vector<Verdict> verdicts = {};
  std::vector<std::shared_ptr<Message>> messages;
  // What is due.
  Policy::Done open_done;
  std::vector<absl::AnyInvocable<void() &&>> ready;
  Policy::Done done;
  MailTransaction::EachDone each;

 private:
  class Transaction : public MailTransaction {
   public:
    Transaction(Fake* fake, std::shared_ptr<Message> message)
        : fake_(*fake), message_(std::move(message)) {}
    ~Transaction() override { message_->destroyed = true; }

    std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                        Policy::Later) override {
      message_->asked.push_back(rcpt.to.Address());
      const auto found = fake_.codes.find(rcpt.to.local_part);
      if (found == fake_.codes.end()) return Verdict::Accept();
      return Verdict::Refuse({found->second, {5, 1, 1}, "no"});
    }
    std::optional<Verdict> Open(const Envelope& envelope,
                                Policy::Later later) override {
      for (const Recipient& each : envelope.to) {
        message_->envelope.push_back(each.path.Address());
      }
      if (!fake_.open) fake_.open_done = later();
      return fake_.open;
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&> ready) override {
      for (const absl::string_view slice : slices) {
        message_->content.append(slice.data(), slice.size());
      }
      if (!fake_.full) return true;
      fake_.ready.push_back(std::move(ready));
      return false;
    }
    void Commit(Policy::Done done) override {
      message_->committed = true;
      if (fake_.verdicts.empty()) {
        fake_.done = std::move(done);
      } else {
        std::move(done)(fake_.verdicts[0]);
      }
    }
    void CommitEach(EachDone done) override {
      message_->committed = true;
      if (fake_.verdicts.empty()) {
        fake_.each = std::move(done);
      } else {
        std::move(done)(fake_.verdicts);
      }
    }
    void OnReplied() override { message_->replied = true; }

   private:
    Fake& fake_;
    const std::shared_ptr<Message> message_;
  };
};

Verdict Accepted(absl::string_view text, std::string source = "") {
  return Verdict::Accept({250, {2, 0, 0}, std::string(text)})
      .By("fake")
      .From(std::move(source));
}
Verdict Refused(int code, absl::string_view text = "no") {
  return Verdict::Refuse({code,
                          {static_cast<uint8_t>(code / 100), 0, 0},
                          std::string(text)})
      .By("fake");
}

// The domain a.example goes to `a_`, b.example to `b_`, and others to `own_`.
class RoutedDeliveryTest : public testing::Test {
 protected:
  RoutedDeliveryTest()
      : routed_({a_, b_, own_}, [](const Path& path) -> size_t {
          return path.domain == "a.example"   ? 0
                 : path.domain == "b.example" ? 1
                                              : 2;
        }) {}

  void Begin() {
    envelope_.from = {"sender", "s.example"};
    transaction_ = routed_.Begin(envelope_, std::make_shared<SessionInfo>());
  }
  // Asks about a recipient. Returns the code of its answer.
  int Add(absl::string_view local, absl::string_view domain) {
    Rcpt rcpt;
    rcpt.to = {std::string(local), std::string(domain)};
    const auto verdict = transaction_->AddRecipient(
        rcpt, []() -> Policy::Done { return nullptr; });
    if (!verdict->accepted()) return verdict->reply()->code;
    envelope_.to.push_back({rcpt.to});
    return 250;
  }
  // Opens the transaction with the recipients. Returns the answer, if there is
  // one at once.
  std::optional<Verdict> Open() {
    return transaction_->Open(envelope_, [this]() -> Policy::Done {
      return [this](Verdict verdict) { opened_ = std::move(verdict); };
    });
  }
  void Begin(const std::vector<std::pair<const char*, const char*>>& to) {
    Begin();
    for (const auto& [local, domain] : to) EXPECT_EQ(Add(local, domain), 250);
  }
  bool Write(absl::string_view text) {
    return transaction_->Write({&text, 1}, [this] { ++ready_; });
  }
  // Commits. The answer keeps the transaction, as that of a session does.
  void Commit() {
    std::shared_ptr<MailTransaction> keep = std::move(transaction_);
    MailTransaction& transaction = *keep;
    transaction.Commit([this, keep = std::move(keep)](Verdict verdict) {
      answers_.push_back(std::move(verdict));
    });
  }
  void CommitEach() {
    std::shared_ptr<MailTransaction> keep = std::move(transaction_);
    MailTransaction& transaction = *keep;
    transaction.CommitEach(
        [this, keep = std::move(keep)](std::vector<Verdict> verdicts) {
          answers_ = std::move(verdicts);
        });
  }
  std::vector<int> Codes() const {
    std::vector<int> codes;
    for (const Verdict& each : answers_) codes.push_back(each.reply()->code);
    return codes;
  }

  const std::shared_ptr<Fake> a_ = std::make_shared<Fake>();
  const std::shared_ptr<Fake> b_ = std::make_shared<Fake>();
  const std::shared_ptr<Fake> own_ = std::make_shared<Fake>();
  RoutedDelivery routed_;
  Envelope envelope_;
  std::unique_ptr<MailTransaction> transaction_;
  std::optional<Verdict> opened_;
  int ready_ = 0;
  std::vector<Verdict> answers_;
};

TEST_F(RoutedDeliveryTest, EachRecipientGoesToItsDestinationOnly) {
  b_->codes["no"] = 550;
  Begin();
  EXPECT_EQ(Add("u", "a.example"), 250);
  EXPECT_EQ(Add("no", "b.example"), 550);
  EXPECT_EQ(Add("u", "b.example"), 250);
  EXPECT_EQ(Add("v", "a.example"), 250);
  EXPECT_EQ(Add("u", "other.example"), 250);
  ASSERT_TRUE(Open()->accepted());
  EXPECT_TRUE(Write("one "));
  EXPECT_TRUE(Write("two"));
  a_->verdicts = b_->verdicts = own_->verdicts = {Accepted("ok")};
  Commit();
  EXPECT_THAT(Codes(), ElementsAre(250));
  EXPECT_THAT(a_->messages[0]->envelope,
              ElementsAre("u@a.example", "v@a.example"));
  EXPECT_THAT(b_->messages[0]->asked,
              ElementsAre("no@b.example", "u@b.example"));
  EXPECT_THAT(b_->messages[0]->envelope, ElementsAre("u@b.example"));
  EXPECT_THAT(own_->messages[0]->envelope, ElementsAre("u@other.example"));
  for (const auto& fake : {a_, b_, own_}) {
    ASSERT_EQ(fake->messages.size(), 1u);
    EXPECT_EQ(fake->messages[0]->content, "one two");
    EXPECT_TRUE(fake->messages[0]->committed);
    EXPECT_TRUE(fake->messages[0]->destroyed);  // nothing is leaked
  }
}

TEST_F(RoutedDeliveryTest, DestinationWithoutARecipientGetsNoMessage) {
  b_->codes["no"] = 550;
  Begin();
  EXPECT_EQ(Add("no", "b.example"), 550);
  EXPECT_EQ(Add("u", "a.example"), 250);
  EXPECT_EQ(Add("v", "a.example"), 250);
  ASSERT_TRUE(Open()->accepted());
  EXPECT_TRUE(b_->messages[0]->destroyed);
  EXPECT_TRUE(Write("text"));
  a_->verdicts = {Accepted("1"), Refused(450)};
  CommitEach();
  EXPECT_THAT(Codes(), ElementsAre(250, 450));
  EXPECT_THAT(b_->messages[0]->envelope, IsEmpty());
  EXPECT_THAT(own_->messages, IsEmpty());
}

TEST_F(RoutedDeliveryTest, EachVerdictIsThatOfItsRecipient) {
  Begin({{"1", "a.example"},
         {"2", "b.example"},
         {"3", "other.example"},
         {"4", "a.example"},
         {"5", "b.example"}});
  ASSERT_TRUE(Open()->accepted());
  a_->verdicts = {Accepted("1"), Refused(452)};
  b_->verdicts = {Refused(554)};  // one for both
  CommitEach();
  EXPECT_THAT(Codes(), IsEmpty());  // the third destination has not answered
  std::move(own_->each)({Accepted("3")});
  EXPECT_THAT(Codes(), ElementsAre(250, 554, 250, 452, 554));
}

TEST_F(RoutedDeliveryTest, AnswersMayComeInAnyOrder) {
  Begin({{"1", "a.example"}, {"2", "b.example"}});
  a_->open = b_->open = std::nullopt;
  EXPECT_FALSE(Open());
  std::move(b_->open_done)(Verdict::Accept());
  EXPECT_FALSE(opened_);
  std::move(a_->open_done)(Verdict::Accept());
  ASSERT_TRUE(opened_);
  EXPECT_TRUE(opened_->accepted());
  Commit();
  std::move(b_->done)(Accepted("b", "second"));
  EXPECT_THAT(Codes(), IsEmpty());
  std::move(a_->done)(Accepted("a", "first"));
  EXPECT_THAT(Codes(), ElementsAre(250));
  EXPECT_EQ(answers_[0].source(), "first, second");
  a_->done = nullptr;
  b_->done = nullptr;
  EXPECT_TRUE(a_->messages[0]->destroyed);
}

TEST_F(RoutedDeliveryTest, ContentWaitsForTheSlowest) {
  Begin({{"1", "a.example"}, {"2", "b.example"}, {"3", "other.example"}});
  ASSERT_TRUE(Open()->accepted());
  a_->full = own_->full = true;
  EXPECT_FALSE(Write("x"));
  std::move(a_->ready[0])();
  EXPECT_EQ(ready_, 0);
  std::move(own_->ready[0])();
  EXPECT_EQ(ready_, 1);
  a_->full = own_->full = false;
  EXPECT_TRUE(Write("y"));
  EXPECT_EQ(ready_, 1);
}

TEST_F(RoutedDeliveryTest, RefusalOfOneIsForItsRecipientsIfEachHasAReply) {
  Begin({{"1", "a.example"}, {"2", "b.example"}, {"3", "a.example"}});
  a_->open = Refused(554, "not now");
  ASSERT_TRUE(Open()->accepted());
  EXPECT_TRUE(Write("x"));
  b_->verdicts = {Accepted("b")};
  CommitEach();
  EXPECT_THAT(Codes(), ElementsAre(554, 250, 554));
  EXPECT_EQ(a_->messages[0]->content, "");
  EXPECT_FALSE(a_->messages[0]->committed);
}

// One reply must be true for all, so no destination may have the message.
TEST_F(RoutedDeliveryTest, RefusalOfOneIsForAllIfThereIsOneReply) {
  Begin({{"1", "a.example"}, {"2", "b.example"}});
  a_->open = Refused(554, "not now");
  ASSERT_TRUE(Open()->accepted());
  EXPECT_TRUE(Write("x"));
  b_->verdicts = {Accepted("b")};
  Commit();
  EXPECT_THAT(Codes(), ElementsAre(554));
  EXPECT_FALSE(b_->messages[0]->committed);
  EXPECT_TRUE(b_->messages[0]->destroyed);
}

TEST_F(RoutedDeliveryTest, RefusalOfAllIsTheReplyToData) {
  for (const bool later : {false, true}) {
    a_->open = Refused(554);
    b_->open = later ? std::nullopt : std::make_optional(Refused(451));
    Begin({{"1", "a.example"}, {"2", "b.example"}});
    std::optional<Verdict> verdict = Open();
    if (later) {
      EXPECT_FALSE(verdict);
      std::move(b_->open_done)(Refused(451));
      verdict = opened_;
    }
    EXPECT_EQ(verdict->reply()->code, 451);
    envelope_.to.clear();
  }
}

TEST_F(RoutedDeliveryTest, DifferentAnswersAreATemporaryRefusal) {
  const struct {
    Verdict a;
    Verdict b;
    int code;
  } cases[] = {
      {Accepted("1"), Accepted("2"), 250}, {Accepted("1"), Refused(452), 452},
      {Refused(554), Refused(550), 554},   {Refused(554), Refused(452), 452},
      {Accepted("1"), Refused(554), 451},
  };
  for (const auto& c : cases) {
    answers_.clear();
    envelope_.to.clear();
    Begin({{"1", "a.example"}, {"2", "b.example"}});
    ASSERT_TRUE(Open()->accepted());
    a_->verdicts = {c.a};
    b_->verdicts = {c.b};
    Commit();
    EXPECT_THAT(Codes(), ElementsAre(c.code));
  }
}

TEST_F(RoutedDeliveryTest, IsWhatAllDestinationsAre) {
  a_->extensions = {Extension::kSmtpUtf8, Extension::kDsn};
  b_->extensions = {Extension::kSmtpUtf8};
  own_->extensions = ExtensionSet::All();
  EXPECT_EQ(routed_.carries(), ExtensionSet({Extension::kSmtpUtf8}));
  a_->remote = true;
  EXPECT_TRUE(routed_.ServesRemote({"u", "a.example"}));
  EXPECT_FALSE(routed_.ServesRemote({"u", "b.example"}));
}

TEST_F(RoutedDeliveryTest, DestinationsOfAMessageAreLimited) {
  std::vector<std::shared_ptr<Delivery>> many(100, own_);
  RoutedDelivery routed(many, [](const Path& path) {
    return static_cast<size_t>(path.domain[0]);
  });
  envelope_.from = {"sender", "s.example"};
  transaction_ = routed.Begin(envelope_, std::make_shared<SessionInfo>());
  for (size_t i = 0; i < RoutedDelivery::kMaxDestinations; ++i) {
    EXPECT_EQ(Add("u", std::string(1, static_cast<char>('!' + i))), 250);
  }
  EXPECT_EQ(Add("u", "A"), 452);
  EXPECT_EQ(Add("v", "!"), 250);
  // A driver may open a transaction without having asked it.
  envelope_.to.push_back({{"u", "A"}});
  EXPECT_EQ(Open()->reply()->code, 452);
}

}  // namespace
}  // namespace postern::delivery
