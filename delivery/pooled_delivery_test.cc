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

#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// Says what happens to it.
class Recorder : public Delivery {
 public:
  ExtensionSet carries() const override {
    return ExtensionSet({Extension::kDsn});
  }
  Opened Open(const Envelope& envelope, const SessionInfo& session) override {
    log += "open " + envelope.to.at(0).path.local_part + " for " +
           ToString(session.remote_address) + "\n";
    if (refuse) return Reply{451, {4, 3, 0}, "cannot open"};
    return std::make_unique<Sink>(this);
  }

  std::string log;
  std::string text;
  bool refuse = false;

 private:
  class Sink : public MessageSink {
   public:
    explicit Sink(Recorder* recorder) : recorder_(*recorder) {}
    ~Sink() override { recorder_.log += "closed\n"; }
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
  };
};

class PooledDeliveryTest : public testing::Test {
 protected:
  std::unique_ptr<MessageSink> Open() {
    Delivery::Opened opened = pooled_.Open(
        {.to = {{{"u", "d"}, {}}}},
        SessionInfo{.remote_address = IpAddress::Parse("192.0.2.1")});
    return std::get<std::unique_ptr<MessageSink>>(std::move(opened));
  }
  bool Write(MessageSink& sink, absl::string_view text) {
    return sink.Write({&text, 1}, [this] { ++ready_; });
  }
  void Commit(std::unique_ptr<MessageSink> sink) {
    MessageSink& committing = *sink;
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

TEST_F(PooledDeliveryTest, ALongMessageIsWorkedOnWhileItComes) {
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

TEST_F(PooledDeliveryTest, WhoIsTooFastWaits) {
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

TEST_F(PooledDeliveryTest, WhatWasNotWorkedOnNeverWas) {
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, "x"));
  sink.reset();
  RunAll();
  EXPECT_EQ(recorder_.log, "");
}

TEST_F(PooledDeliveryTest, WhatIsGivenUpIsDiscardedOnThePool) {
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, std::string(70'000, 'x')));
  RunAll();
  sink.reset();
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\nwrite\n");
  RunAll();
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\nwrite\nclosed\n");
}

TEST_F(PooledDeliveryTest, WhatCannotBeOpenedIsRefusedAtItsEnd) {
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

TEST_F(PooledDeliveryTest, WhatNoThreadCouldLookAtInTimeIsRefused) {
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

TEST_F(PooledDeliveryTest, WhatIsWorkedOnAlreadyHasItsTime) {
  auto sink = Open();
  EXPECT_TRUE(Write(*sink, std::string(70'000, 'x')));
  now_ += std::chrono::hours(1);
  RunAll();
  Commit(std::move(sink));
  now_ += std::chrono::hours(1);
  RunAll();
  EXPECT_TRUE(answer_ && answer_->accepted());
}

TEST_F(PooledDeliveryTest, EachRecipientHasItsAnswer) {
  auto sink = Open();
  std::vector<Verdict> verdicts;
  MessageSink& committing = *sink;
  committing.CommitEach(
      [&, sink = std::move(sink)](auto each) { verdicts = std::move(each); });
  RunAll();
  EXPECT_EQ(verdicts.size(), 2u);
  EXPECT_EQ(recorder_.log, "open u for 192.0.2.1\ncommit each\nclosed\n");
}

TEST_F(PooledDeliveryTest, CarriesWhatTheDeliveryDoes) {
  EXPECT_TRUE(pooled_.carries().Has(Extension::kDsn));
  EXPECT_FALSE(pooled_.carries().Has(Extension::kSmtpUtf8));
}

TEST(PooledDeliveryThreadTest, WriterAndTaskMayMeet) {
  const auto shared = std::make_shared<Recorder>();
  Recorder& recorder = *shared;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::condition_variable changed;
  PooledDelivery pooled(shared, [&](auto task) {
    const std::lock_guard<std::mutex> lock(mutex);
    threads.emplace_back(std::move(task));
  });
  Delivery::Opened opened = pooled.Open({.to = {{{"u", "d"}, {}}}}, {});
  auto sink = std::get<std::unique_ptr<MessageSink>>(std::move(opened));
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
  MessageSink& committing = *sink;
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
