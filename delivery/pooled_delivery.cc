// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/pooled_delivery.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace postern::delivery {
namespace {

using Time = PooledDelivery::Time;

constexpr size_t kPiece = size_t{64} << 10;
constexpr size_t kAhead = size_t{512} << 10;
// What is left of a client's patience, ten minutes (RFC 5321 4.5.3.2.6), is the
// delivery's own.
constexpr std::chrono::minutes kMaxWait{3};

// What a sink and its task share.
class Job : public std::enable_shared_from_this<Job> {
 public:
  Job(std::shared_ptr<Delivery> delivery, system::Run run,
      std::function<Time()> now, const Envelope& envelope,
      const SessionInfo& session)
      : delivery_(std::move(delivery)),
        run_(std::move(run)),
        now_(std::move(now)),
        envelope_(envelope),
        session_(session) {}

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (absl::string_view slice : slices) Append(slice);
    if (text_.size() >= kPiece) Start();
    if (text_.size() < kAhead) return true;
    ready_.emplace(std::move(ready));
    return false;
  }

  // One of them is given.
  void Commit(std::optional<Policy::Done> done,
              std::optional<MessageSink::EachDone> each) {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = std::move(done);
    each_ = std::move(each);
    ended_ = now_();
    Start();
  }

  // The sink is gone.
  void Abandon() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (done_ || each_ || committed_) return;
    abandoned_ = true;
    if (begun_) Start();  // there is something to discard
  }

 private:
  // Under mutex_.
  void Append(absl::string_view slice) {
    constexpr size_t kMost = kAhead + kPiece;
    const size_t size = text_.size() + slice.size();
    if (size > text_.capacity() && size <= kMost &&
        2 * text_.capacity() > kMost) {
      // A string that grows doubles, and would take more than it ever holds.
      std::string exact;
      exact.reserve(kMost);
      exact.append(text_);
      text_.swap(exact);
    }
    text_.append(slice.data(), slice.size());
  }

  // Under mutex_.
  void Start() {
    if (working_) return;
    working_ = begun_ = true;
    run_([self = shared_from_this()] { self->Work(); });
  }

  // On a thread of the pool; one at a time, by `working_`.
  void Work() {
    while (true) {
      std::string text;
      std::optional<absl::AnyInvocable<void() &&>> ready;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (abandoned_) break;
        if (text_.empty() && (done_ || each_)) {
          committed_ = true;
          break;
        }
        if (text_.empty()) {
          working_ = false;
          return;
        }
        text.swap(text_);
        ready.swap(ready_);
      }
      if (ready) std::move (*ready)();
      Open();
      const absl::string_view slice = text;
      if (sink_ != nullptr) (void)sink_->Write({&slice, 1}, [] {});
    }
    if (committed_) Finish();
    sink_.reset();
  }

  void Open() {
    if (opened_) return;
    opened_ = true;
    if (now_() - Ended() > kMaxWait) {
      refusal_.emplace(
          Reply{451, {4, 3, 2}, "too busy, try again later (#4.3.2)"});
      return;
    }
    Delivery::Opened opened = delivery_->Open(envelope_, session_);
    if (auto* reply = std::get_if<Reply>(&opened)) {
      refusal_.emplace(std::move(*reply));
    } else {
      sink_ = std::get<std::unique_ptr<MessageSink>>(std::move(opened));
    }
  }

  // When the message came to its end: not before now, while it has not.
  Time Ended() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return done_ || each_ ? ended_ : now_();
  }

  void Finish() {
    Open();
    if (refusal_ && done_) {
      return std::move(*std::exchange(done_, {}))(
          Verdict::Refuse(*std::move(refusal_)));
    }
    if (refusal_) {
      return std::move(*std::exchange(each_, {}))(
          {Verdict::Refuse(*std::move(refusal_))});
    }
    // The answer keeps the sink alive, which may give it on yet another thread.
    std::shared_ptr<MessageSink> sink = std::move(sink_);
    MessageSink& committing = *sink;
    if (done_) {
      committing.Commit([done = *std::exchange(done_, {}),
                         sink = std::move(sink)](Verdict verdict) mutable {
        std::move(done)(std::move(verdict));
      });
    } else {
      committing.CommitEach(
          [each = *std::exchange(each_, {}),
           sink = std::move(sink)](std::vector<Verdict> verdicts) mutable {
            std::move(each)(std::move(verdicts));
          });
    }
  }

  const std::shared_ptr<Delivery> delivery_;
  const system::Run run_;
  const std::function<Time()> now_;
  const Envelope envelope_;
  const SessionInfo session_;

  std::mutex mutex_;
  std::string text_;      // not worked on yet
  bool begun_ = false;    // there has been a task
  bool working_ = false;  // there is one
  bool abandoned_ = false;
  bool committed_ = false;
  std::optional<absl::AnyInvocable<void() &&>> ready_;  // the client waits
  std::optional<Policy::Done> done_;
  std::optional<MessageSink::EachDone> each_;
  Time ended_;  // where one of them is there

  // The task's own.
  bool opened_ = false;
  std::optional<Reply> refusal_;
  std::unique_ptr<MessageSink> sink_;
};

class PooledSink : public MessageSink {
 public:
  explicit PooledSink(std::shared_ptr<Job> job) : job_(std::move(job)) {}
  ~PooledSink() override { job_->Abandon(); }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    return job_->Write(slices, std::move(ready));
  }
  void Commit(Policy::Done done) override {
    job_->Commit(std::move(done), std::nullopt);
  }
  void CommitEach(EachDone done) override {
    job_->Commit(std::nullopt, std::move(done));
  }

 private:
  const std::shared_ptr<Job> job_;
};

}  // namespace

Delivery::Opened PooledDelivery::Open(const Envelope& envelope,
                                      const SessionInfo& session) {
  return std::make_unique<PooledSink>(
      std::make_shared<Job>(delivery_, run_, now_, envelope, session));
}

}  // namespace postern::delivery
