// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/relay/relay.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/amqp/broker.h"
#include "delivery/amqp/queued_message.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"
#include "programs/relay/forwarded_message.h"

namespace postern::programs {
namespace {

using delivery::AmqpProperties;
using delivery::BrokerEvent;
using delivery::QueuedMessage;
using Kind = BrokerEvent::Kind;
using Texts = std::vector<std::string>;

constexpr absl::Time kNow = absl::FromUnixSeconds(1700000000);

// A broker that does what the test says, in the order in which it says it. The
// relay ends when the script does. Everything runs on one thread.
class RelayTest : public testing::Test {
 protected:
  class Connection : public delivery::BrokerConnection {
   public:
    explicit Connection(RelayTest* test) : test_(*test) {}

    absl::Status Publish(const std::string& queue,
                         const AmqpProperties& properties,
                         const delivery::BrokerBody& body) override {
      std::string content(body.size, '\0');
      body.read(0, content.data(), content.size());
      if (!test_.reads_) {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return aborted_; });
        test_.Note(absl::StrCat("aborted ", queue));
        return absl::UnavailableError("aborted");
      }
      test_.published_.push_back({queue, properties, content});
      test_.Note(absl::StrCat("publish ", queue));
      return absl::OkStatus();
    }
    absl::StatusOr<std::optional<BrokerEvent>> Next(
        absl::Duration wait) override {
      if (wait == absl::ZeroDuration()) return std::nullopt;
      if (test_.script_.empty()) {
        test_.stopped_ = true;
        return std::nullopt;
      }
      Step step = std::move(test_.script_.front());
      test_.script_.pop_front();
      return std::move(step)();
    }
    absl::Status Acknowledge(uint64_t tag) override {
      test_.Note(absl::StrCat("ack ", tag));
      return absl::OkStatus();
    }
    absl::Status Requeue(uint64_t tag) override {
      test_.Note(absl::StrCat("requeue ", tag));
      return absl::OkStatus();
    }
    absl::Status Cancel() override {
      test_.Note("cancel");
      return absl::OkStatus();
    }
    void Wake() override {}
    void Abort() override {
      const std::lock_guard<std::mutex> lock(mutex_);
      aborted_ = true;
      changed_.notify_all();
    }

   private:
    RelayTest& test_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool aborted_ = false;
  };

  using Step = std::function<absl::StatusOr<std::optional<BrokerEvent>>()>;
  struct Published {
    std::string queue;
    AmqpProperties properties;
    std::string content;
  };

  static AmqpProperties Message(const Texts& recipients,
                                const std::string& id = "id-1") {
    QueuedMessage message;
    message.id = id;
    message.received = kNow;
    message.envelope.from = {"s", "x.example"};
    for (const std::string& user : recipients) {
      message.envelope.to.push_back({{user, "x.example"}, {}});
    }
    return EncodeMessage(message);
  }

  void Deliver(uint64_t tag, AmqpProperties properties,
               std::string body = "a\r\n") {
    script_.push_back([=]() -> absl::StatusOr<std::optional<BrokerEvent>> {
      return BrokerEvent{.kind = Kind::kDelivery,
                         .tag = tag,
                         .properties = properties,
                         .body = body};
    });
  }
  void Say(BrokerEvent event) {
    script_.push_back(
        [=]() -> absl::StatusOr<std::optional<BrokerEvent>> { return event; });
  }
  void Confirm(uint64_t tag, Kind kind = Kind::kAck) {
    Say({.kind = kind, .tag = tag});
  }
  // The next hop answers the n-th message.
  void Answer(size_t message, const std::vector<int>& codes) {
    script_.push_back(
        [=, this]() -> absl::StatusOr<std::optional<BrokerEvent>> {
          std::vector<Verdict> verdicts;
          for (const int code : codes) {
            if (code < 300) {
              verdicts.push_back(
                  Verdict::Accept().With(Reply{code, {2, 0, 0}, "ok"}));
            } else {
              verdicts.push_back(
                  Verdict::Refuse({code,
                                   {static_cast<uint8_t>(code / 100), 0, 0},
                                   absl::StrCat("no ", code, reply_)}));
            }
          }
          std::move(forwarded_.at(message))(std::move(verdicts));
          return std::nullopt;
        });
  }
  void Pass(absl::Duration time) {
    script_.push_back(
        [=, this]() -> absl::StatusOr<std::optional<BrokerEvent>> {
          now_ += time;
          return std::nullopt;
        });
  }
  void Lose() {
    script_.push_back([]() -> absl::StatusOr<std::optional<BrokerEvent>> {
      return absl::UnavailableError("lost");
    });
  }
  void Note(std::string what) { notes_.push_back(std::move(what)); }

  absl::Status Run() {
    Relay relay(
        {.queue = "mail",
         .delays = {60, 300},
         .expiry = absl::Hours(24),
         .drain = absl::Seconds(0),
         .forward =
             [this](const QueuedMessage& message,
                    std::shared_ptr<const std::string>, Forwarded done) {
               Note(absl::StrCat("forward ", message.id));
               forwarded_.push_back(std::move(done));
             },
         .now = [this] { return now_; },
         .patience = patience_,
         .stopped =
             [this] {
               if (look_) look_();
               return stopped_.load();
             },
         .sleep = [this](absl::Duration time) { now_ += time; }});
    return relay.Run(
        [this]()
            -> absl::StatusOr<std::unique_ptr<delivery::BrokerConnection>> {
          if (connecting_) connecting_();
          if (!refusal_.ok()) return refusal_;
          return std::make_unique<Connection>(this);
        });
  }

  std::deque<Step> script_;
  std::deque<Forwarded> forwarded_;
  std::vector<Published> published_;
  Texts notes_;
  absl::Time now_ = kNow;
  absl::Status refusal_;
  std::function<void()> look_;        // Options::stopped is called
  std::function<void()> connecting_;  // the relay connects
  absl::Duration patience_ = absl::Hours(1);
  std::string reply_;  // the end of the replies of Answer()
  bool reads_ = true;  // Publish() blocks until Abort() if not
  std::atomic<bool> stopped_ = false;
};

TEST_F(RelayTest, AcknowledgesAfterTheNextHopHasAccepted) {
  Deliver(1, Message({"a", "b"}));
  Pass(absl::Seconds(1));
  script_.push_back([this]() -> absl::StatusOr<std::optional<BrokerEvent>> {
    Note("next hop replies");
    return std::nullopt;
  });
  Answer(0, {250, 250});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_,
            (Texts{"forward id-1", "next hop replies", "ack 1", "cancel"}));
}

TEST_F(RelayTest, RecipientsGoWhereTheirRepliesSay) {
  Deliver(7, Message({"a", "b", "c"}));
  Pass(absl::Seconds(1));
  Answer(0, {450, 250, 550});
  Confirm(1);
  Pass(absl::Seconds(1));
  script_.push_back([this]() -> absl::StatusOr<std::optional<BrokerEvent>> {
    Note("second confirm");
    return std::nullopt;
  });
  Confirm(2);
  ASSERT_TRUE(Run().ok());
  // The delivery is acknowledged when the broker has confirmed both messages.
  EXPECT_EQ(notes_,
            (Texts{"forward id-1", "publish mail.dead", "publish mail.retry.60",
                   "second confirm", "ack 7", "cancel"}));
  const auto dead = DecodeMessage(published_[0].properties);
  ASSERT_TRUE(dead.ok()) << dead.status();
  ASSERT_EQ(dead->envelope.to.size(), 1u);
  EXPECT_EQ(dead->envelope.to[0].path.local_part, "c");
  EXPECT_EQ(dead->failures[0].reply, "550 no 550");
  EXPECT_EQ(dead->dead, "refused");
  EXPECT_EQ(published_[0].content, "a\r\n");
  const auto later = DecodeMessage(published_[1].properties);
  ASSERT_TRUE(later.ok()) << later.status();
  ASSERT_EQ(later->envelope.to.size(), 1u);
  EXPECT_EQ(later->envelope.to[0].path.local_part, "a");
  EXPECT_EQ(later->attempts, 1);
  EXPECT_EQ(later->dead, "");
  EXPECT_EQ(later->received, kNow);
}

TEST_F(RelayTest, ReturnOfOnePartDoesNotAcknowledge) {
  Deliver(1, Message({"a", "b"}));
  Pass(absl::Seconds(1));
  Answer(0, {450, 550});
  // Both parts have one message id.
  Say({.kind = Kind::kReturn, .text = "id-1", .queue = "mail.retry.60"});
  Say({.kind = Kind::kAck, .tag = 2, .multiple = true});
  Pass(absl::Seconds(6));
  Pass(absl::Seconds(1));
  Confirm(3);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_,
            (Texts{"forward id-1", "publish mail.dead", "publish mail.retry.60",
                   "publish mail.retry.60", "ack 1", "cancel"}));
}

TEST_F(RelayTest, NackIsSentAgain) {
  Deliver(1, Message({"a"}));
  Pass(absl::Seconds(1));
  Answer(0, {451});
  Confirm(1, Kind::kNack);
  Pass(absl::Seconds(6));
  Pass(absl::Seconds(1));
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"forward id-1", "publish mail.retry.60",
                           "publish mail.retry.60", "cancel"}));
}

TEST_F(RelayTest, LaterAttemptsWaitLongerUntilTheMessageExpires) {
  auto second = DecodeMessage(Message({"a"}));
  second->attempts = 5;
  Deliver(1, EncodeMessage(*second));
  second->received = kNow - absl::Hours(25);
  Deliver(2, EncodeMessage(*second));
  Pass(absl::Seconds(1));
  Answer(0, {451});
  Answer(1, {451});
  ASSERT_TRUE(Run().ok());
  ASSERT_EQ(published_.size(), 2u);
  EXPECT_EQ(published_[0].queue, "mail.retry.300");
  EXPECT_EQ(published_[1].queue, "mail.dead");
  const auto dead = DecodeMessage(published_[1].properties);
  EXPECT_EQ(dead->dead, "expired");
  EXPECT_EQ(dead->attempts, 6);
}

TEST_F(RelayTest, MessageFromTheDeadQueueIsTriedLikeOthers) {
  auto message = DecodeMessage(Message({"a"}));
  message->dead = "refused";
  Deliver(1, EncodeMessage(*message));
  Pass(absl::Seconds(1));
  Answer(0, {451});
  ASSERT_TRUE(Run().ok());
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(published_[0].queue, "mail.retry.60");
  EXPECT_EQ(published_[0].properties.headers.count("x-postern-dead"), 0u);
}

TEST_F(RelayTest, PoisonGoesToTheDeadQueueOnce) {
  AmqpProperties bad = Message({"a"});
  bad.headers["x-postern-rcpt"] = "a\r\nRCPT TO:<b>";
  Deliver(1, bad);
  Deliver(2, Message({"a"}), "bare\n");
  Confirm(1);
  Confirm(2);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"publish mail.dead", "publish mail.dead", "ack 1",
                           "ack 2", "cancel"}));
  EXPECT_EQ(published_[0].properties.headers["x-postern-dead"],
            delivery::AmqpValue("invalid"));
  EXPECT_EQ(published_[0].properties.headers["x-postern-rcpt"],
            bad.headers["x-postern-rcpt"]);
  EXPECT_EQ(published_[1].content, "bare\n");
}

TEST_F(RelayTest, OutcomeOfALostConnectionIsIgnored) {
  Deliver(1, Message({"a"}));
  Pass(absl::Seconds(1));
  Lose();
  // The broker delivers it again, with a tag that means something else now.
  Deliver(1, Message({"a"}, "id-2"));
  Answer(0, {250});
  Pass(absl::Seconds(1));
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"forward id-1", "forward id-2", "cancel"}));
}

TEST_F(RelayTest, WaitsIfTheNextHopDoesNotWork) {
  for (uint64_t tag = 1; tag <= 7; ++tag) {
    Deliver(tag, Message({"a"}, absl::StrCat("id-", tag)));
    Pass(absl::Milliseconds(1));
    if (tag <= 5) Answer(tag - 1, {451});
  }
  Pass(absl::Milliseconds(100));
  script_.push_back([this]() -> absl::StatusOr<std::optional<BrokerEvent>> {
    Note("after a pause");
    now_ += absl::Seconds(2);
    return std::nullopt;
  });
  Pass(absl::Milliseconds(1));
  Answer(5, {250});
  Pass(absl::Milliseconds(1));
  ASSERT_TRUE(Run().ok());
  Texts forwards;
  for (const std::string& note : notes_) {
    if (note[0] == 'f' || note[0] == 'a') forwards.push_back(note);
  }
  EXPECT_EQ(forwards, (Texts{"forward id-1", "forward id-2", "forward id-3",
                             "forward id-4", "forward id-5", "after a pause",
                             "forward id-6", "ack 6", "forward id-7"}));
}

TEST_F(RelayTest, HeadersOfManyRepliesFitIntoOneFrame) {
  Texts users;
  for (int i = 0; i < 1000; ++i) {
    users.push_back(absl::StrCat(std::string(60, 'u'), i));
  }
  reply_ = std::string(400, 'x');
  Deliver(1, Message(users));
  Pass(absl::Seconds(1));
  Answer(0, std::vector<int>(1000, 450));
  Confirm(1);
  Pass(absl::Seconds(1));
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"forward id-1", "publish mail.retry.60", "ack 1",
                           "cancel"}));
  const AmqpProperties& properties = published_[0].properties;
  EXPECT_LE(delivery::HeadersSize(properties.headers),
            QueuedMessage::kMaxHeaders);
  const auto later = DecodeMessage(properties);
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->envelope.to.size(), 1000u);
  EXPECT_EQ(later->attempts, 1);
}

TEST_F(RelayTest, HeadersOfAPoisonFitIntoOneFrame) {
  AmqpProperties bad = Message({"a"});
  bad.type = "other";
  bad.headers["x-large"] = std::string(QueuedMessage::kMaxHeaders, 'x');
  Deliver(1, bad);
  Confirm(1);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"publish mail.dead", "ack 1", "cancel"}));
  const auto& headers = published_[0].properties.headers;
  EXPECT_LE(delivery::HeadersSize(headers), QueuedMessage::kMaxHeaders);
  EXPECT_EQ(headers.count("x-postern-rcpt"), 1u);
  EXPECT_EQ(headers.count("x-postern-dead"), 1u);
}

TEST_F(RelayTest, KeepsWhatItWouldSendWhileTheBrokerIsBlocked) {
  Deliver(1, Message({"a"}));
  Pass(absl::Seconds(1));
  Say({.kind = Kind::kBlocked, .text = "low on memory"});
  Answer(0, {451});
  Pass(absl::Minutes(1));
  Pass(absl::Seconds(1));
  script_.push_back([this]() -> absl::StatusOr<std::optional<BrokerEvent>> {
    Note("unblocked");
    return BrokerEvent{.kind = Kind::kUnblocked};
  });
  Pass(absl::Seconds(1));
  Confirm(1);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"forward id-1", "unblocked", "publish mail.retry.60",
                           "ack 1", "cancel"}));
}

TEST_F(RelayTest, EndsAConnectionThatDoesNotRead) {
  patience_ = absl::Milliseconds(5);
  reads_ = false;
  Deliver(1, Message({"a"}));
  Pass(absl::Seconds(1));
  Answer(0, {451});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"forward id-1", "aborted mail.retry.60", "cancel"}));
}

TEST_F(RelayTest, EndsWithinTheDrainAlthoughTheBrokerDoesNotRead) {
  reads_ = false;
  Deliver(1, Message({"a"}));
  Pass(absl::Seconds(1));
  script_.push_back([this]() -> absl::StatusOr<std::optional<BrokerEvent>> {
    stopped_ = true;  // a signal that comes while the call blocks
    std::vector<Verdict> verdicts = {
        Verdict::Refuse({451, {4, 0, 0}, "no 451"})};
    std::move(forwarded_.at(0))(std::move(verdicts));
    return std::nullopt;
  });
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"forward id-1", "aborted mail.retry.60"}));
}

TEST_F(RelayTest, MessageThatWaitsTooLongGoesToARetryQueue) {
  for (uint64_t tag = 1; tag <= 7; ++tag) {
    Deliver(tag, Message({"a"}, absl::StrCat("id-", tag)));
    Pass(absl::Milliseconds(1));
    if (tag <= 5) Answer(tag - 1, {451});
  }
  // The sixth tests the next hop, and the seventh would have to wait.
  Pass(Relay::kLongestWait);
  Pass(absl::Milliseconds(1));
  Confirm(6);
  ASSERT_TRUE(Run().ok());
  ASSERT_GE(notes_.size(), 4u);
  EXPECT_EQ(
      Texts(notes_.end() - 4, notes_.end()),
      (Texts{"forward id-6", "publish mail.retry.60", "ack 7", "cancel"}));
  const auto postponed = DecodeMessage(published_.back().properties);
  ASSERT_TRUE(postponed.ok()) << postponed.status();
  EXPECT_EQ(postponed->id, "id-7");
  // This was no attempt.
  EXPECT_EQ(postponed->attempts, 0);
}

TEST_F(RelayTest, ReturnsWhatItHasNotBegunAtTheEnd) {
  Deliver(1, Message({"a"}));
  script_.push_back([this]() -> absl::StatusOr<std::optional<BrokerEvent>> {
    stopped_ = true;
    return BrokerEvent{.kind = Kind::kDelivery,
                       .tag = 2,
                       .properties = Message({"a"}, "id-2"),
                       .body = "a\r\n"};
  });
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(notes_, (Texts{"forward id-1", "cancel", "requeue 2"}));
}

// A relay that says nothing for ten seconds is "stuck" (/healthz).
TEST_F(RelayTest, IsAliveInAnOutageOfTheBroker) {
  refusal_ = absl::UnavailableError("connection refused");
  int attempts = 0;
  connecting_ = [&attempts] { ++attempts; };
  absl::Time last = now_;
  absl::Duration longest = absl::ZeroDuration();
  look_ = [&] {
    longest = std::max(longest, now_ - last);
    last = now_;
    if (now_ > kNow + absl::Minutes(5)) stopped_ = true;
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_LE(longest, absl::Seconds(1));
  EXPECT_GT(attempts, 5);
  EXPECT_LT(attempts, 20);  // the pauses have their length
}

// An attempt to connect may take a while: each host and each step has seconds.
TEST_F(RelayTest, IsAliveWhileItConnects) {
  patience_ = absl::Milliseconds(1);
  refusal_ = absl::UnavailableError("timeout");
  std::mutex mutex;
  std::condition_variable changed;
  bool connecting = false;
  int looks = 0;
  look_ = [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    looks += connecting ? 1 : 0;
    changed.notify_all();
  };
  connecting_ = [&] {
    std::unique_lock<std::mutex> lock(mutex);
    connecting = true;
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20),
                                 [&] { return looks >= 3; }));
    stopped_ = true;
  };
  ASSERT_TRUE(Run().ok());
}

TEST_F(RelayTest, QueueThatCannotBeUsedIsAnError) {
  refusal_ = absl::FailedPreconditionError("inequivalent arg 'x-queue-type'");
  EXPECT_EQ(Run(), refusal_);
}

TEST(HasSmtpLinesTest, FindsBareNewlines) {
  EXPECT_TRUE(HasSmtpLines(""));
  EXPECT_TRUE(HasSmtpLines("a\r\n\r\nb"));
  for (const absl::string_view text :
       {"a\n", "a\r", "a\r\r\n", "\r\n\n", "a\r\nb\rc\r\n"}) {
    EXPECT_FALSE(HasSmtpLines(text)) << text;
  }
}

}  // namespace
}  // namespace postern::programs
