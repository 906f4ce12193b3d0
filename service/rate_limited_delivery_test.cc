// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/rate_limited_delivery.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"
#include "policy/limits/rate_limits.h"
#include "policy/shared/scripted_store.h"
#include "policy/shared/shared_rates.h"

namespace postern::service {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

constexpr int64_t kSecond = 1000 * 1000 * 1000;

// Refuses recipients "none", answers about "late" later, and answers messages
// with `verdicts`.
class FakeDelivery : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }

  std::vector<Verdict> verdicts = {Verdict::Accept()};
  std::vector<Policy::Done> late;
  int committed = 0;
  int replied = 0;

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(FakeDelivery* owner) : owner_(*owner) {}
    std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                        Policy::Later later) override {
      if (rcpt.to.local_part == "none") {
        return Verdict::Refuse({550, {5, 1, 1}, "no mailbox"});
      }
      if (rcpt.to.local_part == "late") {
        owner_.late.push_back(later());
        return std::nullopt;
      }
      return Verdict::Accept();
    }
    std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view>,
               absl::AnyInvocable<void() &&>) override {
      return true;
    }
    void OnReplied() override { ++owner_.replied; }
    void Commit(Policy::Done done) override {
      ++owner_.committed;
      std::move(done)(owner_.verdicts[0]);
    }
    void CommitEach(EachDone done) override {
      ++owner_.committed;
      std::move(done)(owner_.verdicts);
    }

   private:
    FakeDelivery& owner_;
  };
};

class RateLimitedDeliveryTest : public testing::Test, private log::LogSink {
 protected:
  RateLimitedDeliveryTest() : inner_(std::make_shared<FakeDelivery>()) {
    log::SetLogSink(this);
    info_.session_id = "s1";
    info_.remote_address = IpAddress::Parse("192.0.2.1");
    info_.identity = "Ann";
    info_.mechanism = "PLAIN";
  }
  ~RateLimitedDeliveryTest() override { log::SetLogSink(nullptr); }

  void Add(absl::string_view line) override { lines_.emplace_back(line); }

  void Limit(std::vector<std::string> limits) {
    std::vector<policy::RateLimit> parsed;
    for (const std::string& each : limits) {
      parsed.push_back(*policy::RateLimit::Parse(each));
    }
    limits_ = std::make_unique<policy::RateLimits>(std::move(parsed));
    delivery_ = std::make_unique<RateLimitedDelivery>(
        inner_,
        RateLimitedDelivery::Limiter{limits_.get(), [this] { return now_; },
                                     [](absl::string_view user) {
                                       return absl::AsciiStrToLower(user);
                                     }});
  }

  std::unique_ptr<MailTransaction> Begin() {
    Envelope envelope;
    envelope.message = 1;
    envelope.from = {"ann", "x.example"};
    return delivery_->Begin(envelope,
                            std::make_shared<const SessionInfo>(info_));
  }

  // Returns the reply's text, "ok", or "later".
  std::string AddRecipient(MailTransaction* transaction, std::string name,
                           std::optional<uint64_t> size = std::nullopt) {
    Rcpt rcpt;
    rcpt.to = {std::move(name), "d.example"};
    rcpt.size = size;
    const auto verdict =
        transaction->AddRecipient(rcpt, [this]() -> Policy::Done {
          return [this](const Verdict& late) {
            late_.push_back(late.accepted() ? "ok" : late.reply()->text);
          };
        });
    if (!verdict) return "later";
    if (verdict->accepted()) return "ok";
    if (verdict->rule() == kRateLimitRule) {
      EXPECT_EQ(verdict->reply()->code, 450);
      EXPECT_EQ(verdict->reply()->enhanced, (EnhancedCode{4, 7, 1}));
    }
    return verdict->reply()->text;
  }

  std::string End(MailTransaction* transaction, size_t size,
                  bool each = false) {
    EXPECT_TRUE(
        transaction->Open(Envelope(), []() -> Policy::Done { std::abort(); })
            ->accepted());
    const std::string content(size, 'x');
    const absl::string_view slices[] = {content};
    EXPECT_TRUE(transaction->Write(slices, [] {}));
    std::string answer;
    const auto text = [](const Verdict& verdict) {
      return verdict.accepted() ? std::string("ok") : verdict.reply()->text;
    };
    if (each) {
      transaction->CommitEach([&](const std::vector<Verdict>& verdicts) {
        for (const Verdict& verdict : verdicts) {
          absl::StrAppend(&answer, text(verdict), ";");
        }
      });
    } else {
      transaction->Commit(
          [&](const Verdict& verdict) { answer = text(verdict); });
    }
    transaction->OnReplied();
    return answer;
  }

  // Sends one message of 100 octets.
  std::string Send(std::vector<std::string> recipients = {"u"}) {
    const auto transaction = Begin();
    for (const std::string& name : recipients) {
      const std::string answer = AddRecipient(transaction.get(), name);
      if (answer != "ok") return answer;
    }
    return End(transaction.get(), 100);
  }

  const std::shared_ptr<FakeDelivery> inner_;
  int64_t now_ = 1000 * kSecond;
  SessionInfo info_;
  std::unique_ptr<policy::RateLimits> limits_;
  std::unique_ptr<RateLimitedDelivery> delivery_;
  std::vector<std::string> lines_;
  std::vector<std::string> late_;
};

constexpr char kTooManyMessages[] =
    "more than 2 messages in 1 hour of this user, try again later (#4.7.1)";
constexpr char kTooManyRecipients[] =
    "more than 2 recipients in 1 hour of this user, try again later (#4.7.1)";
constexpr char kTooManyBytes[] =
    "more than 1024 bytes in 1 hour of this user, try again later (#4.7.1)";

TEST_F(RateLimitedDeliveryTest, RefusesMoreMessagesUntilTheTimeIsOver) {
  Limit({"user:messages=2/1h"});
  EXPECT_EQ(Send({"u", "v", "w"}), "ok");
  info_.identity = "ANN";  // another spelling
  EXPECT_EQ(Send(), "ok");
  EXPECT_EQ(Send(), kTooManyMessages);
  info_.identity = "bob";
  EXPECT_EQ(Send(), "ok");
  info_.identity = "ann";
  now_ += 3900 * kSecond;
  EXPECT_EQ(Send(), "ok");
}

// Administrators make alerts of this line, and the manual shows it.
TEST_F(RateLimitedDeliveryTest, LogsTheFirstRefusalInTheTime) {
  Limit({"user:messages=2/1h"});
  for (int i = 0; i < 10; ++i) (void)Send();
  EXPECT_THAT(
      lines_,
      ElementsAre(EndsWith(
          " session=s1 id=s1-1 rate-limit who=user what=messages most=2 "
          "seconds=3600 ip=192.0.2.1 user=Ann from=<ann@x.example>\n")));
  lines_.clear();
  now_ += 3900 * kSecond;
  for (int i = 0; i < 10; ++i) (void)Send();
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(RateLimitedDeliveryTest, ReplyNamesTheLimit) {
  const struct {
    std::string limit;
    absl::string_view whose;
  } cases[] = {
      {"client:recipients=1/30m", "from your address"},
      {"user:recipients=1/30m", "of this user"},
      {"sender:recipients=1/30m", "of this sender"},
      {"sender-domain:recipients=1/30m", "of this sender's domain"},
  };
  for (const auto& c : cases) {
    Limit({c.limit});
    EXPECT_EQ(Send(), "ok");
    EXPECT_EQ(Send(), absl::StrCat("more than 1 recipient in 30 minutes ",
                                   c.whose, ", try again later (#4.7.1)"));
  }
}

TEST_F(RateLimitedDeliveryTest, OnlyAcceptedRecipientsCount) {
  Limit({"user:recipients=2/1h"});
  const auto transaction = Begin();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(AddRecipient(transaction.get(), "none"), "no mailbox");
  }
  // Answers that come later, on another thread.
  EXPECT_EQ(AddRecipient(transaction.get(), "late"), "later");
  EXPECT_EQ(AddRecipient(transaction.get(), "late"), "later");
  EXPECT_EQ(AddRecipient(transaction.get(), "u"), kTooManyRecipients);
  std::move(inner_->late[0])(Verdict::Refuse({550, {5, 1, 1}, "no mailbox"}));
  std::move(inner_->late[1])(Verdict::Accept());
  EXPECT_THAT(late_, ElementsAre("no mailbox", "ok"));
  EXPECT_EQ(AddRecipient(transaction.get(), "u"), "ok");
  EXPECT_EQ(AddRecipient(transaction.get(), "u"), kTooManyRecipients);
}

TEST_F(RateLimitedDeliveryTest, WhatIsNotAcceptedIsNotCounted) {
  Limit({"user:messages=2/1h", "user:recipients=4/1h", "user:bytes=1k/1h"});
  for (int i = 0; i < 5; ++i) {
    const auto transaction = Begin();  // ends before its content
    EXPECT_EQ(AddRecipient(transaction.get(), "u", 1000), "ok");
    EXPECT_EQ(AddRecipient(transaction.get(), "u"), "ok");
  }
  inner_->verdicts = {Verdict::Refuse({451, {4, 3, 0}, "disk full"})};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Send({"u", "v"}), "disk full");
  inner_->verdicts = {Verdict::Accept()};
  EXPECT_EQ(Send({"u", "v"}), "ok");
  EXPECT_EQ(Send({"u", "v"}), "ok");
  EXPECT_EQ(Send(), kTooManyMessages);
}

TEST_F(RateLimitedDeliveryTest, OpenTransactionsCountTogether) {
  Limit({"user:messages=2/1h"});
  const auto first = Begin();
  const auto second = Begin();
  auto third = Begin();
  EXPECT_EQ(AddRecipient(first.get(), "u"), "ok");
  EXPECT_EQ(AddRecipient(second.get(), "u"), "ok");
  EXPECT_EQ(AddRecipient(third.get(), "u"), kTooManyMessages);
  EXPECT_EQ(End(first.get(), 10), "ok");
  EXPECT_EQ(AddRecipient(third.get(), "u"), kTooManyMessages);
}

TEST_F(RateLimitedDeliveryTest, BytesCountBySizeAndAreCorrectedAtTheEnd) {
  Limit({"user:bytes=1k/1h"});
  {
    const auto transaction = Begin();
    const auto other = Begin();
    EXPECT_EQ(AddRecipient(other.get(), "u", 25), "ok");
    EXPECT_EQ(AddRecipient(transaction.get(), "u", 1000), kTooManyBytes);
  }
  {
    const auto transaction = Begin();
    EXPECT_EQ(AddRecipient(transaction.get(), "u", 1000), "ok");
    EXPECT_EQ(End(transaction.get(), 600), "ok");
  }
  {
    // Without SIZE, or with one that is too small, the end decides.
    const auto transaction = Begin();
    EXPECT_EQ(AddRecipient(transaction.get(), "u", 10), "ok");
    EXPECT_EQ(End(transaction.get(), 425), kTooManyBytes);
    EXPECT_EQ(inner_->committed, 1);
    EXPECT_EQ(inner_->replied, 1);
  }
  const auto transaction = Begin();
  EXPECT_EQ(AddRecipient(transaction.get(), "u"), "ok");
  EXPECT_EQ(End(transaction.get(), 424), "ok");
  EXPECT_EQ(inner_->replied, 2);
}

// A 450 would make the client try again for days.
TEST_F(RateLimitedDeliveryTest, MessageLargerThanTheWholeLimitNeverFits) {
  constexpr char kTooLarge[] = "message is larger than 1024 bytes (#5.3.4)";
  Limit({"user:messages=5/1h", "user:bytes=1k/1h"});
  const auto transaction = Begin();
  Rcpt rcpt;
  rcpt.to = {"u", "d.example"};
  rcpt.size = 1025;
  const auto verdict = transaction->AddRecipient(
      rcpt, []() -> Policy::Done { return [](const Verdict&) {}; });
  ASSERT_TRUE(verdict && !verdict->accepted());
  EXPECT_EQ(verdict->rule(), kRateLimitRule);
  EXPECT_EQ(verdict->reply()->code, 552);
  EXPECT_EQ(verdict->reply()->enhanced, (EnhancedCode{5, 3, 4}));
  EXPECT_EQ(verdict->reply()->text, kTooLarge);
  // The same without SIZE, or with one that is too small.
  EXPECT_EQ(AddRecipient(transaction.get(), "u"), "ok");
  EXPECT_EQ(End(transaction.get(), 1025), kTooLarge);
  const auto small = Begin();
  EXPECT_EQ(AddRecipient(small.get(), "u", 1000), "ok");
  EXPECT_EQ(End(small.get(), 1025), kTooLarge);
  EXPECT_EQ(inner_->committed, 0);
}

TEST_F(RateLimitedDeliveryTest, LmtpCountsTheAcceptedRecipients) {
  Limit({"user:recipients=3/1h"});
  inner_->verdicts = {Verdict::Accept(),
                      Verdict::Refuse({452, {4, 2, 2}, "full"})};
  for (int i = 0; i < 2; ++i) {
    const auto transaction = Begin();
    EXPECT_EQ(AddRecipient(transaction.get(), "u"), "ok");
    EXPECT_EQ(AddRecipient(transaction.get(), "v"), "ok");
    EXPECT_EQ(End(transaction.get(), 10, /*each=*/true), "ok;full;");
  }
  const auto transaction = Begin();
  EXPECT_EQ(AddRecipient(transaction.get(), "u"), "ok");
  EXPECT_EQ(AddRecipient(transaction.get(), "u"),
            "more than 3 recipients in 1 hour of this user, try again later "
            "(#4.7.1)");
}

// Several servers count together, and answers come later.
class SharedRateLimitedDeliveryTest : public RateLimitedDeliveryTest {
 protected:
  void Share(std::vector<std::string> limits) {
    Limit(std::move(limits));
    shared_ = std::make_unique<policy::SharedRates>(limits_.get(), &store_);
    delivery_ = std::make_unique<RateLimitedDelivery>(
        inner_,
        RateLimitedDelivery::Limiter{
            .limits = shared_.get(),
            .now = [this] { return now_; },
            .user_key =
                [](absl::string_view user) { return std::string(user); },
            .here =
                [this] {
                  return [this](absl::AnyInvocable<void() &&> task) {
                    tasks_.push_back(std::move(task));
                  };
                }});
  }

  // Answers the first open question, and does what follows on the session's
  // thread.
  void Answer(policy::SharedStore::Numbers numbers) {
    auto done = std::move(store_.open.front());
    store_.open.pop_front();
    std::move(done)(std::move(numbers));
    RunTasks();
  }
  void RunTasks() {
    for (; !tasks_.empty(); tasks_.pop_front()) std::move(tasks_.front())();
  }

  policy::ScriptedStore store_;
  std::unique_ptr<policy::SharedRates> shared_;
  std::deque<absl::AnyInvocable<void() &&>> tasks_;
};

TEST_F(SharedRateLimitedDeliveryTest, DeliveryIsAskedOnTheSessionsThread) {
  Share({"user:recipients=9/1h"});
  const auto transaction = Begin();
  EXPECT_EQ(AddRecipient(transaction.get(), "late"), "later");
  auto done = std::move(store_.open.front());
  store_.open.pop_front();
  std::move(done)(policy::SharedStore::Numbers{0, 7});
  EXPECT_TRUE(inner_->late.empty());
  RunTasks();
  ASSERT_EQ(inner_->late.size(), 1u);
  EXPECT_THAT(late_, ElementsAre());
  std::move(inner_->late[0])(Verdict::Accept());
  EXPECT_THAT(late_, ElementsAre("ok"));
}

TEST_F(SharedRateLimitedDeliveryTest,
       RecipientsWaitForTheAnswerAboutTheMessage) {
  Share({"user:messages=9/1h", "user:recipients=9/1h"});
  const auto transaction = Begin();
  EXPECT_EQ(AddRecipient(transaction.get(), "u"), "later");
  EXPECT_EQ(AddRecipient(transaction.get(), "none"), "later");
  EXPECT_EQ(AddRecipient(transaction.get(), "w"), "later");
  EXPECT_EQ(store_.asked.size(), 1u);
  // The message is refused, so the next recipient asks for it again.
  Answer({1, 0});
  EXPECT_THAT(late_,
              ElementsAre("more than 9 messages in 1 hour of this user, try "
                          "again later (#4.7.1)"));
  EXPECT_EQ(store_.asked.size(), 2u);
  Answer({0, 7, 7});
  EXPECT_EQ(late_.back(), "no mailbox");
  // Of the refused recipient one is given back, and the last one has no message
  // to ask for.
  ASSERT_EQ(store_.asked.size(), 4u);
  EXPECT_EQ(store_.asked[3], "rate:user:recipients:3600:Ann | 1 9 300000000");
  EXPECT_EQ(store_.asked[2], "rate:user:recipients:3600:Ann | 7 1");
  store_.open.pop_front();
  Answer({0, 7});
  EXPECT_EQ(late_.back(), "ok");
  EXPECT_EQ(late_.size(), 3u);
}

TEST_F(SharedRateLimitedDeliveryTest, OctetsBeyondSizeAreAskedAtTheEnd) {
  Share({"user:bytes=1k/1h"});
  for (const bool each : {false, true}) {
    const auto transaction = Begin();
    store_.answers = {policy::SharedStore::Numbers{0, 7}};
    EXPECT_EQ(AddRecipient(transaction.get(), "u", 10), "later");
    RunTasks();
    EXPECT_EQ(late_.back(), "ok");
    EXPECT_TRUE(
        transaction->Open(Envelope(), []() -> Policy::Done { std::abort(); })
            ->accepted());
    const absl::string_view slices[] = {"more than ten octets"};
    EXPECT_TRUE(transaction->Write(slices, [] {}));
    std::vector<std::string> texts;
    const auto add = [&texts](const Verdict& verdict) {
      texts.push_back(verdict.accepted() ? "ok" : verdict.reply()->text);
    };
    if (each) {
      transaction->CommitEach(
          [&](std::vector<Verdict> verdicts) { add(verdicts[0]); });
    } else {
      transaction->Commit([&](Verdict verdict) { add(verdict); });
    }
    EXPECT_TRUE(texts.empty());
    Answer(each ? policy::SharedStore::Numbers{1, 1}
                : policy::SharedStore::Numbers{0, 7});
    EXPECT_THAT(texts, ElementsAre(each ? kTooManyBytes : "ok"));
    EXPECT_EQ(inner_->committed, 1);
    transaction->OnReplied();
    EXPECT_EQ(inner_->replied, 1);
  }
}

TEST_F(RateLimitedDeliveryTest, VariableOfARuleExemptsTheClient) {
  info_.identity.clear();
  Limit({"client:messages=1/1h", "sender:messages=1/1h"});
  EXPECT_EQ(Send(), "ok");
  EXPECT_NE(Send(), "ok");
  info_.environment = {{"NORATELIMIT", ""}};
  EXPECT_EQ(Send(), "ok");
  EXPECT_EQ(Send(), "ok");
  // But not a user whose password has been stolen.
  Limit({"user:messages=1/1h"});
  info_.identity = "ann";
  EXPECT_EQ(Send(), "ok");
  EXPECT_NE(Send(), "ok");
}

}  // namespace
}  // namespace postern::service
