// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/publisher.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "delivery/amqp/amqp_delivery.h"
#include "engine/ask.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using Kind = BrokerEvent::Kind;
constexpr uint64_t kMaxSize = 100;
constexpr std::chrono::milliseconds kPause{5};
using Item = absl::StatusOr<BrokerEvent>;

// What the test and the thread of the publisher share: the connections to a
// broker that does only what the test says.
class Script {
 public:
  // Waits until the publisher has opened `count` connections, or tried to.
  void WaitForConnections(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return connections_ >= count; });
  }
  // Waits until `count` messages have been sent on the current connection.
  void WaitForMessages(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return ids_.size() >= count; });
  }
  void Say(Item item) {
    const std::lock_guard<std::mutex> lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  void Ack(uint64_t tag, bool multiple = false) {
    Say(BrokerEvent{.kind = Kind::kAck, .tag = tag, .multiple = multiple});
  }
  void Close() { Say(absl::UnavailableError("connection reset")); }
  // Further connections fail with `status`.
  void Refuse(absl::Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    refusal_ = std::move(status);
  }
  // Publish() blocks until Abort().
  void StopReading() {
    const std::lock_guard<std::mutex> lock(mutex_);
    reading_ = false;
  }
  std::vector<std::string> ids() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ids_;
  }

  ConnectBroker Connect() {
    return [this]() -> absl::StatusOr<std::unique_ptr<BrokerConnection>> {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++connections_;
      changed_.notify_all();
      ids_.clear();
      if (!refusal_.ok()) return refusal_;
      items_.clear();
      aborted_ = false;
      return std::make_unique<Connection>(this);
    };
  }

 private:
  class Connection : public BrokerConnection {
   public:
    explicit Connection(Script* script) : script_(*script) {}

    absl::Status Publish(const std::string&, const AmqpProperties& properties,
                         const BrokerBody& body) override {
      std::unique_lock<std::mutex> lock(script_.mutex_);
      char octets[8];
      EXPECT_EQ(body.read(0, octets, sizeof(octets)),
                static_cast<ssize_t>(body.size));
      script_.ids_.push_back(properties.message_id);
      script_.changed_.notify_all();
      script_.changed_.wait(
          lock, [this] { return script_.reading_ || script_.aborted_; });
      return script_.aborted_ ? absl::UnavailableError("aborted")
                              : absl::OkStatus();
    }
    absl::StatusOr<std::optional<BrokerEvent>> Next(
        absl::Duration wait) override {
      std::unique_lock<std::mutex> lock(script_.mutex_);
      if (wait > absl::ZeroDuration()) {
        script_.changed_.wait_for(
            lock, absl::ToChronoNanoseconds(wait), [this] {
              return woken_ || script_.aborted_ || !script_.items_.empty();
            });
      }
      woken_ = false;
      if (script_.aborted_) return absl::UnavailableError("aborted");
      if (script_.items_.empty()) return std::nullopt;
      Item item = std::move(script_.items_.front());
      script_.items_.pop_front();
      if (!item.ok()) return item.status();
      return *std::move(item);
    }
    absl::Status Acknowledge(uint64_t) override { return absl::OkStatus(); }
    absl::Status Requeue(uint64_t) override { return absl::OkStatus(); }
    absl::Status Cancel() override { return absl::OkStatus(); }
    void Wake() override {
      const std::lock_guard<std::mutex> lock(script_.mutex_);
      woken_ = true;
      script_.changed_.notify_all();
    }
    void Abort() override {
      const std::lock_guard<std::mutex> lock(script_.mutex_);
      script_.aborted_ = true;
      script_.changed_.notify_all();
    }

   private:
    Script& script_;
    bool woken_ = false;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::vector<std::string> ids_;
  absl::Status refusal_;
  int connections_ = 0;
  bool reading_ = true;
  bool aborted_ = false;
};

class PublisherTest : public testing::Test {
 protected:
  void Start(std::chrono::milliseconds timeout = std::chrono::minutes(10)) {
    publisher_ = std::make_shared<AmqpPublisher>(AmqpPublisher::Options{
        .connect = script_.Connect(),
        .timeout = timeout,
        .pause = kPause,
        .grace = grace_,
        .report =
            [this](const std::string& text) {
              const std::lock_guard<std::mutex> lock(mutex_);
              reports_ += text + "\n";
            },
        .now =
            [this] {
              const std::lock_guard<std::mutex> lock(clock_mutex_);
              return AmqpPublisher::Clock::now() + passed_;
            }});
    (void)publisher_->status();
    script_.WaitForConnections(1);
  }
  // Moves the clock of the publisher.
  void Pass(std::chrono::milliseconds time) {
    const std::lock_guard<std::mutex> lock(clock_mutex_);
    passed_ += time;
  }
  std::future<absl::Status> Publish(const std::string& id) {
    auto promise = std::make_shared<std::promise<absl::Status>>();
    auto future = promise->get_future();
    AmqpProperties properties;
    properties.message_id = id;
    publisher_->Publish("mail", std::move(properties),
                        {.size = 2,
                         .read =
                             [](uint64_t, char* to, size_t) {
                               to[0] = to[1] = 'x';
                               return ssize_t{2};
                             }},
                        [promise](absl::Status status) {
                          promise->set_value(std::move(status));
                        });
    return future;
  }
  static bool Open(std::future<absl::Status>* answer) {
    return answer->wait_for(std::chrono::seconds(0)) !=
           std::future_status::ready;
  }

  Script script_;
  std::chrono::milliseconds grace_ = std::chrono::minutes(10);
  std::mutex mutex_;
  std::string reports_;
  std::mutex clock_mutex_;
  std::chrono::milliseconds passed_{0};
  std::shared_ptr<AmqpPublisher> publisher_;
};

TEST_F(PublisherTest, AnswerFollowsTheConfirm) {
  Start();
  auto a = Publish("a");
  auto b = Publish("b");
  auto c = Publish("c");
  auto d = Publish("d");
  script_.WaitForMessages(4);
  EXPECT_TRUE(Open(&a));
  script_.Ack(4);
  EXPECT_TRUE(d.get().ok());
  EXPECT_TRUE(Open(&a));
  script_.Ack(2, /*multiple=*/true);
  EXPECT_TRUE(a.get().ok());
  EXPECT_TRUE(b.get().ok());
  EXPECT_TRUE(Open(&c));
  script_.Ack(3);
  EXPECT_TRUE(c.get().ok());
}

TEST_F(PublisherTest, ConnectionsThatEndAtOnceFollowEachOtherAfterAPause) {
  const auto began = AmqpPublisher::Clock::now();
  Start();
  for (int count = 2; count <= 11; ++count) {
    script_.Close();
    script_.WaitForConnections(count);
  }
  EXPECT_GE(AmqpPublisher::Clock::now() - began, 10 * kPause);
}

// A quorum queue that elects a leader takes no messages.
TEST_F(PublisherTest, RefusedMessageIsSentAgain) {
  Start();
  auto a = Publish("a");
  auto b = Publish("b");
  script_.WaitForMessages(2);
  for (uint64_t tag : {1, 3, 4, 5}) {
    script_.Say(BrokerEvent{.kind = Kind::kNack, .tag = tag});
    script_.WaitForMessages(tag == 1 ? 3 : tag + 1);
  }
  EXPECT_EQ(script_.ids(),
            (std::vector<std::string>{"a", "b", "a", "a", "a", "a"}));
  EXPECT_TRUE(Open(&a));
  script_.Ack(2);
  EXPECT_TRUE(b.get().ok());
  // It is also sent on another connection, which it has not ended.
  script_.Close();
  script_.WaitForConnections(2);
  script_.WaitForMessages(1);
  EXPECT_TRUE(Open(&a));
  script_.Ack(1);
  EXPECT_TRUE(a.get().ok());
}

TEST_F(PublisherTest, QueueThatStaysFullIsAFailure) {
  Start(std::chrono::hours(9));
  auto a = Publish("a");
  uint64_t tag = 0;
  const auto refuse = [&] {
    script_.WaitForMessages(++tag);
    script_.Say(BrokerEvent{.kind = Kind::kNack, .tag = tag});
  };
  refuse();
  script_.WaitForMessages(2);  // it is sent again
  EXPECT_TRUE(Open(&a));
  Pass(grace_);
  refuse();
  EXPECT_EQ(a.get().message(), "does not take the message");
  // Others fail at the first one, until the queue takes a message.
  for (int i = 0; i < 3; ++i) {
    Pass(grace_ / 2);
    auto b = Publish("b");
    refuse();
    EXPECT_EQ(b.get().message(), "does not take the message");
  }
  auto c = Publish("c");
  script_.WaitForMessages(++tag);
  script_.Ack(tag);
  EXPECT_TRUE(c.get().ok());
  auto d = Publish("d");
  refuse();
  script_.WaitForMessages(++tag);
  script_.Ack(tag);
  EXPECT_TRUE(d.get().ok());
  const std::lock_guard<std::mutex> lock(mutex_);
  EXPECT_EQ(reports_, "the broker does not take messages, which get a 451\n");
}

// One message may be the only one that the broker does not take.
TEST_F(PublisherTest, RefusalsEndAfterATimeAndWithTheConnection) {
  Start(std::chrono::hours(9));
  uint64_t tag = 0;
  const auto refuse = [&] {
    script_.WaitForMessages(++tag);
    script_.Say(BrokerEvent{.kind = Kind::kNack, .tag = tag});
  };
  const auto fail = [&](const char* id) {
    auto message = Publish(id);
    refuse();
    script_.WaitForMessages(tag + 1);
    Pass(grace_);
    refuse();
    EXPECT_FALSE(message.get().ok()) << id;
  };
  fail("a");
  Pass(grace_);
  fail("b");  // it is sent again, as "a" was
  script_.Close();
  script_.WaitForConnections(2);
  tag = 0;
  auto c = Publish("c");
  refuse();
  script_.WaitForMessages(++tag);
  script_.Ack(tag);
  EXPECT_TRUE(c.get().ok());
  // The second time it fails at once, and is not reported again.
  fail("d");
  auto e = Publish("e");
  refuse();
  EXPECT_FALSE(e.get().ok());
  const std::lock_guard<std::mutex> lock(mutex_);
  size_t reports = 0;
  for (size_t at = 0;
       (at = reports_.find("does not take", at)) != std::string::npos; ++at) {
    ++reports;
  }
  EXPECT_EQ(reports, 3u) << reports_;
}

TEST_F(PublisherTest, RefusalsAreReportedOnceInATime) {
  Start(std::chrono::hours(9));
  const auto refuse = [&](uint64_t tag) {
    script_.Say(BrokerEvent{.kind = Kind::kNack, .tag = tag});
  };
  auto a = Publish("a");
  auto b = Publish("b");
  script_.WaitForMessages(2);
  refuse(1);
  refuse(2);
  script_.WaitForMessages(4);
  Pass(grace_);
  refuse(3);
  EXPECT_FALSE(a.get().ok());
  auto c = Publish("c");
  script_.WaitForMessages(5);
  script_.Ack(5);
  EXPECT_TRUE(c.get().ok());
  refuse(4);
  EXPECT_FALSE(b.get().ok());
  // After its answer, all that came before has been reported.
  auto d = Publish("d");
  script_.WaitForMessages(6);
  script_.Ack(6);
  EXPECT_TRUE(d.get().ok());
  const std::lock_guard<std::mutex> lock(mutex_);
  EXPECT_EQ(reports_, "the broker does not take messages, which get a 451\n");
}

TEST(TimeoutWarningTest, TimeoutHasToBeLongerThanAnElection) {
  EXPECT_EQ(TimeoutWarning(std::chrono::seconds(300)), "");
  EXPECT_EQ(TimeoutWarning(std::chrono::seconds(21)), "");
  EXPECT_EQ(TimeoutWarning(std::chrono::seconds(20)),
            "timeout=20 is less than 21 seconds: clients may get a 451 while "
            "the queue elects a leader");
}

// The return was for the time before.
TEST_F(PublisherTest, ReturnEndsWithItsNack) {
  Start();
  auto a = Publish("a");
  script_.WaitForMessages(1);
  script_.Say(BrokerEvent{.kind = Kind::kReturn, .text = "a"});
  script_.Say(BrokerEvent{.kind = Kind::kNack, .tag = 1});
  script_.WaitForMessages(2);
  script_.Ack(2);
  EXPECT_TRUE(a.get().ok());
}

TEST_F(PublisherTest, ReturnWinsOverAck) {
  Start();
  auto a = Publish("a");
  auto b = Publish("b");
  script_.WaitForMessages(2);
  script_.Say(BrokerEvent{.kind = Kind::kReturn, .text = "a"});
  script_.Ack(2, /*multiple=*/true);
  EXPECT_EQ(a.get().message(), "has no queue for the message");
  EXPECT_TRUE(b.get().ok());
}

TEST_F(PublisherTest, UnconfirmedMessageIsSentAgainOnce) {
  Start();
  auto a = Publish("a");
  auto b = Publish("b");
  script_.WaitForMessages(2);
  script_.Ack(1);
  EXPECT_TRUE(a.get().ok());
  script_.Close();
  script_.WaitForConnections(2);
  script_.WaitForMessages(1);
  EXPECT_EQ(script_.ids(), std::vector<std::string>{"b"});
  EXPECT_TRUE(Open(&b));
  // A return on the old connection does not count.
  script_.Ack(1);
  EXPECT_TRUE(b.get().ok());
}

TEST_F(PublisherTest, MessageThatEndsTwoConnectionsFails) {
  Start();
  auto a = Publish("a");
  script_.WaitForMessages(1);
  script_.Close();
  script_.WaitForConnections(2);
  script_.WaitForMessages(1);
  script_.Close();
  EXPECT_EQ(a.get().message(), "has closed the connection before its confirm");
}

TEST_F(PublisherTest, SilenceIsAFailure) {
  Start(std::chrono::milliseconds(50));
  auto a = Publish("a");
  EXPECT_EQ(a.get().message(), "has not confirmed the message in time");
  // One message tests the broker, and others fail at once.
  script_.WaitForConnections(2);
  auto b = Publish("b");
  auto c = Publish("c");
  if (Open(&b)) {
    EXPECT_EQ(c.get().message(), "does not confirm messages");
  }
  EXPECT_FALSE(b.get().ok());
}

TEST_F(PublisherTest, BrokerThatDoesNotReadIsSilent) {
  script_.StopReading();
  Start(std::chrono::milliseconds(50));
  auto a = Publish("a");
  EXPECT_EQ(a.get().message(), "has not confirmed the message in time");
}

TEST_F(PublisherTest, BlockedConnectionFailsAtOnce) {
  Start();
  auto a = Publish("a");
  script_.WaitForMessages(1);
  script_.Say(BrokerEvent{.kind = Kind::kBlocked, .text = "low on memory"});
  script_.Ack(1);  // the event before it has been handled
  EXPECT_TRUE(a.get().ok());
  EXPECT_EQ(publisher_->status().message(),
            "takes no messages now: it lacks resources");
  auto b = Publish("b");
  EXPECT_EQ(b.get().message(), "takes no messages now: it lacks resources");
  script_.Say(BrokerEvent{.kind = Kind::kUnblocked});
  while (!publisher_->status().ok()) std::this_thread::yield();
  auto c = Publish("c");
  script_.WaitForMessages(2);
  script_.Ack(2);
  EXPECT_TRUE(c.get().ok());
}

TEST_F(PublisherTest, BrokerThatIsDownFailsAtOnce) {
  script_.Refuse(absl::UnavailableError("192.0.2.1:5672: connection refused"));
  Start();
  while (publisher_->status().ok()) std::this_thread::yield();
  auto a = Publish("a");
  // Clients do not get the name of the host.
  EXPECT_EQ(a.get().message(), "cannot be reached");
  script_.Refuse(absl::OkStatus());
  while (!publisher_->status().ok()) std::this_thread::yield();
  auto b = Publish("b");
  script_.WaitForMessages(1);
  script_.Ack(1);
  EXPECT_TRUE(b.get().ok());
  const std::lock_guard<std::mutex> lock(mutex_);
  EXPECT_TRUE(absl::StrContains(reports_, "192.0.2.1:5672")) << reports_;
  EXPECT_TRUE(absl::StrContains(reports_, "works again")) << reports_;
}

TEST_F(PublisherTest, LostNodeIsNoOutage) {
  Start();
  auto a = Publish("a");
  script_.WaitForMessages(1);
  script_.Refuse(absl::UnavailableError("no leader"));
  script_.Close();
  script_.WaitForConnections(4);
  EXPECT_TRUE(publisher_->status().ok());
  EXPECT_TRUE(Open(&a));
  script_.Refuse(absl::OkStatus());
  script_.WaitForMessages(1);
  script_.Ack(1);
  EXPECT_TRUE(a.get().ok());
}

TEST_F(PublisherTest, BrokerThatStaysAwayIsAnOutage) {
  grace_ = std::chrono::milliseconds(20);
  Start();
  auto a = Publish("a");
  script_.WaitForMessages(1);
  script_.Refuse(absl::UnavailableError("no leader"));
  script_.Close();
  EXPECT_EQ(a.get().message(), "cannot be reached");
}

TEST_F(PublisherTest, ShutdownFailsWhatIsNotConfirmed) {
  Start();
  auto a = Publish("a");
  script_.WaitForMessages(1);
  publisher_.reset();
  EXPECT_EQ(a.get().message(), "has not confirmed before the shutdown");
}

TEST_F(PublisherTest, StopFailsWhatIsNotConfirmedAndWhatComesLater) {
  Start();
  auto a = Publish("a");
  script_.WaitForMessages(1);
  EXPECT_TRUE(publisher_->Stop(std::chrono::hours(1)));
  ASSERT_FALSE(Open(&a));
  EXPECT_EQ(a.get().message(), "has not confirmed before the shutdown");
  EXPECT_EQ(publisher_->status().message(),
            "is not used any more: this server ends");
  EXPECT_EQ(Publish("b").get().message(),
            "is not used any more: this server ends");
}

TEST_F(PublisherTest, StopDoesNotWaitForAConnection) {
  std::promise<void> connecting;
  std::promise<void> go_on;
  publisher_ = std::make_shared<AmqpPublisher>(AmqpPublisher::Options{
      .connect = [&]() -> absl::StatusOr<std::unique_ptr<BrokerConnection>> {
        connecting.set_value();
        go_on.get_future().wait();
        return absl::UnavailableError("no route");
      }});
  auto a = Publish("a");
  connecting.get_future().wait();
  EXPECT_FALSE(publisher_->Stop(std::chrono::milliseconds(1)));
  EXPECT_EQ(a.get().message(), "has not confirmed before the shutdown");
  go_on.set_value();
  EXPECT_TRUE(publisher_->Stop(std::chrono::hours(1)));
}

TEST_F(PublisherTest, StopBeforeTheFirstMessageStartsNothing) {
  publisher_ = std::make_shared<AmqpPublisher>(AmqpPublisher::Options{
      .connect = []() -> absl::StatusOr<std::unique_ptr<BrokerConnection>> {
        ADD_FAILURE();
        return absl::UnavailableError("");
      }});
  EXPECT_TRUE(publisher_->Stop(std::chrono::milliseconds(0)));
  EXPECT_FALSE(Publish("a").get().ok());
}

TEST_F(PublisherTest, WithoutConnectNothingIsAsked) {
  publisher_ = std::make_shared<AmqpPublisher>(AmqpPublisher::Options{});
  EXPECT_TRUE(publisher_->status().ok());
  EXPECT_EQ(Publish("a").get().message(), "is not used by this program");
}

class AmqpDeliveryTest : public PublisherTest {
 protected:
  // Sends a message, and returns the future verdict.
  std::future<Verdict> Deliver(size_t recipients) {
    AmqpDelivery delivery(publisher_, "mail", testing::TempDir(), kMaxSize,
                          "amqp");
    Envelope envelope;
    envelope.from = {"s", "x.example"};
    envelope.message = 1;
    SessionInfo info;
    info.session_id = "session";
    transaction_ = delivery.Begin(
        envelope, std::make_shared<const SessionInfo>(std::move(info)));
    for (size_t i = 0; i < recipients; ++i) {
      const Path to = {"r", "x.example"};
      const auto verdict = transaction_->AddRecipient(
          {.from = envelope.from, .to = to}, [] { return Policy::Done(); });
      EXPECT_TRUE(verdict && verdict->accepted());
      envelope.to.push_back({to, {}});
    }
    const auto opened =
        transaction_->Open(envelope, [] { return Policy::Done(); });
    EXPECT_TRUE(opened && opened->accepted());
    const absl::string_view text = text_;
    EXPECT_TRUE(transaction_->Write({&text, 1}, [] {}));
    auto promise = std::make_shared<std::promise<Verdict>>();
    auto future = promise->get_future();
    transaction_->Commit(
        [promise](Verdict verdict) { promise->set_value(std::move(verdict)); });
    return future;
  }

  std::string text_ = "x\n";
  std::unique_ptr<MailTransaction> transaction_;
};

TEST_F(AmqpDeliveryTest, AcceptsWhatIsConfirmed) {
  Start();
  auto verdict = Deliver(2);
  script_.WaitForMessages(1);
  EXPECT_EQ(script_.ids(), std::vector<std::string>{"session-1"});
  EXPECT_NE(verdict.wait_for(std::chrono::seconds(0)),
            std::future_status::ready);
  script_.Ack(1);
  EXPECT_TRUE(verdict.get().accepted());
}

TEST_F(AmqpDeliveryTest, TransactionReleasesThePublisher) {
  Start();
  auto verdict = Deliver(1);
  script_.WaitForMessages(1);
  EXPECT_EQ(publisher_.use_count(), 1);
  script_.Ack(1);
  EXPECT_TRUE(verdict.get().accepted());
}

TEST_F(AmqpDeliveryTest, FailureIsTemporary) {
  Start();
  auto verdict = Deliver(1);
  script_.WaitForMessages(1);
  script_.Say(BrokerEvent{.kind = Kind::kReturn, .text = "session-1"});
  script_.Ack(1);
  const Verdict refusal = verdict.get();
  EXPECT_FALSE(refusal.accepted());
  EXPECT_EQ(refusal.reply()->code, 451);
  EXPECT_EQ(refusal.rule(), "amqp");
}

TEST_F(AmqpDeliveryTest, ContentThatTheBrokerWouldRefuseIsTooLarge) {
  Start();
  text_ = std::string(kMaxSize + 1, 'x');
  const Verdict refusal = Deliver(1).get();
  EXPECT_EQ(refusal.reply()->code, 552);
  EXPECT_TRUE(script_.ids().empty());
}

TEST_F(AmqpDeliveryTest, RecipientIsRefusedWhileNoBrokerWorks) {
  script_.Refuse(absl::UnavailableError("refused"));
  Start();
  while (publisher_->status().ok()) std::this_thread::yield();
  AmqpDelivery delivery(publisher_, "mail", testing::TempDir(), kMaxSize,
                        "amqp");
  const auto transaction =
      delivery.Begin({}, std::make_shared<const SessionInfo>());
  const auto verdict = transaction->AddRecipient({.to = {"r", "x.example"}},
                                                 [] { return Policy::Done(); });
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->reply()->text, "the broker cannot be reached (#4.4.1)");
}

TEST_F(AmqpDeliveryTest, RecipientsFitIntoOneFrame) {
  Start();
  AmqpDelivery delivery(publisher_, "mail", testing::TempDir(), kMaxSize,
                        "amqp");
  const auto transaction =
      delivery.Begin({}, std::make_shared<const SessionInfo>());
  size_t octets = 0;
  while (true) {
    const Path to = {std::string(800, 'x'), "x.example"};
    const auto verdict =
        transaction->AddRecipient({.to = to}, [] { return Policy::Done(); });
    ASSERT_TRUE(verdict);
    if (!verdict->accepted()) {
      EXPECT_EQ(verdict->reply()->code, 452);
      break;
    }
    octets += to.size();
  }
  EXPECT_GT(octets, 90000u);
  EXPECT_LT(octets, QueuedMessage::kMaxRecipients);
}

}  // namespace
}  // namespace postern::delivery
