// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/pooled_delivery.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "delivery/open_message.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// Records the calls of its transactions.
class Recorder : public Delivery {
 public:
  ExtensionSet carries() const override {
    return ExtensionSet({Extension::kDsn});
  }
  bool LooksUpRecipients() const override { return looks_up; }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope&, const SharedSessionInfo& session) override {
    return std::make_unique<Message>(this, session);
  }

  std::string log;
  std::string text;
  bool refuse = false;
  bool looks_up = false;
  std::vector<Policy::Done>* due = nullptr;  // pending recipient answers

 private:
  class Message : public MailTransaction {
   public:
    Message(Recorder* recorder, SharedSessionInfo session)
        : recorder_(*recorder), session_(std::move(session)) {}
    ~Message() override {
      if (used_) recorder_.log += "closed\n";
    }
    std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                        Policy::Later later) override {
      used_ = true;
      recorder_.log += "rcpt " + rcpt.to.local_part + "\n";
      if (recorder_.due != nullptr) {
        recorder_.due->push_back(later());
        return std::nullopt;
      }
      if (rcpt.to.local_part == "u") return Verdict::Accept();
      return Verdict::Refuse({550, {5, 1, 1}, "no"});
    }
    std::optional<Verdict> Open(const Envelope& envelope,
                                Policy::Later) override {
      recorder_.log += "open " + envelope.to.at(0).path.local_part + " for " +
                       ToString(session_->remote_address) + "\n";
      if (recorder_.refuse) {
        return Verdict::Refuse({451, {4, 3, 0}, "cannot open"});
      }
      used_ = true;
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&>) override {
      for (absl::string_view slice : slices) {
        recorder_.text.append(slice.data(), slice.size());
      }
      recorder_.log += "write\n";
      return true;
    }
    void Commit(Policy::Done done) override {
      recorder_.log += "commit\n";
      std::move(done)(Verdict::Accept({250, {2, 0, 0}, "stored"}));
    }
    void CommitEach(EachDone done) override {
      recorder_.log += "commit each\n";
      std::move(done)({Verdict::Accept(), Verdict::Accept()});
    }

   private:
    Recorder& recorder_;
    const SharedSessionInfo session_;
    bool used_ = false;
  };
};

class PooledDeliveryTest : public testing::Test {
 protected:
  std::unique_ptr<MailTransaction> Open() {
    Opened opened = OpenMessage(
        pooled_, {.to = {{{"u", "d"}, {}}}},
        SessionInfo{.remote_address = IpAddress::Parse("192.0.2.1")});
    return std::get<std::unique_ptr<MailTransaction>>(std::move(opened));
  }
  bool Write(MailTransaction& sink, absl::string_view text) {
    return sink.Write({&text, 1}, [this] { ++ready_; });
  }
  void Commit(std::unique_ptr<MailTransaction> sink) {
    MailTransaction& committing = *sink;
    committing.Commit([this, sink = std::move(sink)](Verdict verdict) {
      answer_.emplace(std::move(verdict));
    });
  }
  void RunAll() {
    while (!tasks_.empty()) {
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      std::move(task)();
    }
  }

  std::shared_ptr<Recorder> shared_ = std::make_shared<Recorder>();
  Recorder& recorder_ = *shared_;
  std::deque<absl::AnyInvocable<void() &&>> tasks_;
  PooledDelivery pooled_{
      shared_, [this](auto task) { tasks_.push_back(std::move(task)); },
      [this] { return now_; }};
  PooledDelivery::Time now_{};
  int ready_ = 0;
  std::optional<Verdict> answer_;
};

TEST_F(PooledDeliveryTest, AShortMessageIsOneTask) {
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, "Received: x\r\n"));
  EXPECT_TRUE(Write(*sink, "\r\nhello\r\n"));
  EXPECT_TRUE(tasks_.empty());
  Commit(std::move(sink));
  EXPECT_EQ(tasks_.size(), 1u);
  EXPECT_EQ(recorder_.log, "");
  RunAll();
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\nwrite\ncommit\nclosed\n");
  EXPECT_EQ(recorder_.text, "Received: x\r\n\r\nhello\r\n");
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(answer_->accepted());
  EXPECT_EQ(answer_->reply()->text, "stored");
}

TEST_F(PooledDeliveryTest, LongMessageIsPassedOnWhileItArrives) {
  const std::string piece(100'000, 'x');
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, piece));
  EXPECT_TRUE(Write(*sink, piece));
  EXPECT_EQ(tasks_.size(), 1u);  // one at a time
  RunAll();
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\nwrite\n");
  EXPECT_TRUE(Write(*sink, piece));
  Commit(std::move(sink));
  RunAll();
  EXPECT_EQ(recorder_.text, piece + piece + piece);
  EXPECT_TRUE(answer_ && answer_->accepted());
}

TEST_F(PooledDeliveryTest, ClientThatIsTooFastWaits) {
  const std::string piece(200'000, 'x');
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, piece));
  EXPECT_TRUE(Write(*sink, piece));
  EXPECT_FALSE(Write(*sink, piece));
  EXPECT_EQ(ready_, 0);
  RunAll();
  EXPECT_EQ(ready_, 1);
  EXPECT_TRUE(Write(*sink, piece));
  Commit(std::move(sink));
  RunAll();
  EXPECT_EQ(recorder_.text.size(), 4 * piece.size());
  EXPECT_EQ(ready_, 1);
}

TEST_F(PooledDeliveryTest,
       MessageAbandonedBeforeItsFirstTaskNeverReachesTheDelivery) {
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, "x"));
  sink.reset();
  RunAll();
  EXPECT_EQ(recorder_.log, "");
}

TEST_F(PooledDeliveryTest, AbandonedMessageIsDestroyedOnThePool) {
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, std::string(70'000, 'x')));
  RunAll();
  sink.reset();
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\nwrite\n");
  RunAll();
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\nwrite\nclosed\n");
}

TEST_F(PooledDeliveryTest, MessageThatCannotBeOpenedIsRefusedAtItsEnd) {
  recorder_.refuse = true;
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, std::string(70'000, 'x')));
  RunAll();
  EXPECT_TRUE(Write(*sink, "y"));
  Commit(std::move(sink));
  RunAll();
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\n");
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->reply()->code, 451);
}

TEST_F(PooledDeliveryTest, MessageWhoseTaskBeginsTooLateIsRefused) {
  for (const int seconds : {180, 181}) {
    recorder_.log.clear();
    auto sink = Open();
    EXPECT_TRUE(Write(*sink, "x"));
    Commit(std::move(sink));
    now_ += std::chrono::seconds(seconds);
    RunAll();
    ASSERT_TRUE(answer_);
    EXPECT_EQ(answer_->accepted(), seconds == 180);
    EXPECT_EQ(recorder_.log.empty(), seconds == 181);
  }
  EXPECT_EQ(answer_->reply()->code, 451);
}

TEST_F(PooledDeliveryTest, MessageThatIsOpenIsNotRefusedForWaiting) {
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, std::string(70'000, 'x')));
  now_ += std::chrono::hours(1);
  RunAll();
  Commit(std::move(sink));
  now_ += std::chrono::hours(1);
  RunAll();
  EXPECT_TRUE(answer_ && answer_->accepted());
}

TEST_F(PooledDeliveryTest, EachRecipientGetsItsAnswer) {
  auto sink = Open();
  std::vector<Verdict> verdicts;
  MailTransaction& committing = *sink;
  committing.CommitEach(
      [&, sink = std::move(sink)](auto each) { verdicts = std::move(each); });
  RunAll();
  EXPECT_EQ(verdicts.size(), 2u);
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\ncommit each\nclosed\n");
}

TEST_F(PooledDeliveryTest, RecipientsAreLookedUpOnThePool) {
  std::vector<std::string> answers;
  const auto ask = [&](MailTransaction& transaction, const char* name) {
    return transaction.AddRecipient(
        {.to = {name, "d"}}, [&answers, name]() -> Policy::Done {
          return [&answers, name](Verdict verdict) {
            answers.push_back(name +
                              std::string(verdict.accepted() ? "+" : "-"));
          };
        });
  };
  auto transaction = pooled_.Begin({}, std::make_shared<SessionInfo>());
  EXPECT_TRUE(ask(*transaction, "v")->accepted());  // without a lookup
  recorder_.looks_up = true;
  transaction = pooled_.Begin({}, std::make_shared<SessionInfo>());
  EXPECT_FALSE(ask(*transaction, "u"));
  EXPECT_FALSE(ask(*transaction, "v"));
  EXPECT_EQ(tasks_.size(), 1u);  // one at a time
  EXPECT_EQ(recorder_.log, "");
  RunAll();
  EXPECT_EQ(answers, (std::vector<std::string>{"u+", "v-"}));
  transaction.reset();
  EXPECT_EQ(recorder_.log, "rcpt u\nrcpt v\n");
  RunAll();
  EXPECT_EQ(recorder_.log, "rcpt u\nrcpt v\nclosed\n");
}

// The delivery may answer from threads of its own.
TEST_F(PooledDeliveryTest, AnswerForARecipientMayComeLater) {
  std::vector<Policy::Done> due;
  recorder_.looks_up = true;
  recorder_.due = &due;
  std::optional<bool> accepted;
  std::shared_ptr<MailTransaction> transaction =
      pooled_.Begin({}, std::make_shared<SessionInfo>());
  EXPECT_FALSE(
      transaction->AddRecipient({.to = {"u", "d"}}, [&]() -> Policy::Done {
        return [&, transaction](Verdict verdict) {
          accepted = verdict.accepted();
        };
      }));
  RunAll();
  transaction.reset();
  RunAll();
  EXPECT_EQ(recorder_.log, "rcpt u\n");
  EXPECT_FALSE(accepted);
  std::move(due[0])(Verdict::Accept());
  due.clear();
  RunAll();
  EXPECT_EQ(accepted, true);
  EXPECT_EQ(recorder_.log, "rcpt u\nclosed\n");
}

TEST_F(PooledDeliveryTest, CarriesTheExtensionsOfTheDelivery) {
  EXPECT_TRUE(pooled_.carries().Has(Extension::kDsn));
  EXPECT_FALSE(pooled_.carries().Has(Extension::kSmtpUtf8));
}

TEST(PooledDeliveryThreadTest, WriterAndTaskMayRunAtTheSameTime) {
  const auto shared = std::make_shared<Recorder>();
  Recorder& recorder = *shared;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::condition_variable changed;
  PooledDelivery pooled(shared, [&](auto task) {
    const std::lock_guard<std::mutex> lock(mutex);
    threads.emplace_back(std::move(task));
  });
  Opened opened = OpenMessage(pooled, {.to = {{{"u", "d"}, {}}}}, {});
  auto sink = std::get<std::unique_ptr<MailTransaction>>(std::move(opened));
  const std::string piece(10'000, 'x');
  const absl::string_view slice = piece;
  bool ready = true;
  for (int i = 0; i < 1000; ++i) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return ready; });
    ready = false;
    lock.unlock();
    const bool more = sink->Write({&slice, 1}, [&] {
      const std::lock_guard<std::mutex> relock(mutex);
      ready = true;
      changed.notify_one();
    });
    if (more) {
      lock.lock();
      ready = true;
    }
  }
  bool committed = false;
  MailTransaction& committing = *sink;
  committing.Commit([&, sink = std::move(sink)](Verdict verdict) {
    const std::lock_guard<std::mutex> lock(mutex);
    committed = verdict.accepted();
    changed.notify_one();
  });
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return committed; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(recorder.text.size(), 10'000'000u);
}

}  // namespace
}  // namespace postern::delivery
