// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/pooled_delivery.h"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::delivery {
namespace {

using Time = PooledDelivery::Time;

constexpr size_t kPiece = size_t{64} << 10;
constexpr size_t kAhead = size_t{512} << 10;
// A client waits ten minutes for the reply (RFC 5321 4.5.3.2.6). The rest of
// that time is for the delivery.
constexpr std::chrono::minutes kMaxWait{3};

// The state that a PooledTransaction shares with its task.
class Job : public std::enable_shared_from_this<Job> {
 public:
  Job(std::shared_ptr<Delivery> delivery, system::Run run,
      std::function<Time()> now, std::unique_ptr<MailTransaction> transaction)
      : delivery_(std::move(delivery)),
        run_(std::move(run)),
        now_(std::move(now)),
        transaction_(std::move(transaction)) {}

  void AddRecipient(const Rcpt& rcpt, Policy::Done done) {
    const std::lock_guard<std::mutex> lock(mutex_);
    recipients_.push_back({rcpt, std::move(done)});
    Start();
  }

  void Open(const Envelope& envelope) {
    const std::lock_guard<std::mutex> lock(mutex_);
    envelope_ = envelope;
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (absl::string_view slice : slices) Append(slice);
    if (text_.size() >= kPiece) Start();
    if (text_.size() < kAhead) return true;
    ready_.emplace(std::move(ready));
    return false;
  }

  // Exactly one of the two is given.
  void Commit(std::optional<Policy::Done> done,
              std::optional<MailTransaction::EachDone> each) {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = std::move(done);
    each_ = std::move(each);
    ended_ = now_();
    Start();
  }

  // Called when the PooledTransaction is destroyed.
  void Abandon() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (done_ || each_ || committed_) return;
    abandoned_ = true;
    if (begun_) Start();  // to destroy transaction_ on the pool
  }

 private:
  // Under mutex_.
  void Append(absl::string_view slice) {
    constexpr size_t kMost = kAhead + kPiece;
    const size_t size = text_.size() + slice.size();
    if (size > text_.capacity() && size <= kMost &&
        2 * text_.capacity() > kMost) {
      // A growing string doubles its capacity, beyond what text_ can ever need.
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

  struct Question {
    Rcpt rcpt;
    Policy::Done done;
  };

  // Runs on a thread of the pool. `working_` allows one task at a time.
  void Work() {
    while (true) {
      std::vector<Question> recipients;
      std::string text;
      std::optional<absl::AnyInvocable<void() &&>> ready;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (abandoned_) break;
        if (recipients_.empty() && text_.empty()) {
          if (done_ || each_) {
            committed_ = true;
            break;
          }
          working_ = false;
          return;
        }
        recipients.swap(recipients_);
        text.swap(text_);
        ready.swap(ready_);
      }
      for (Question& question : recipients) Ask(std::move(question));
      if (ready) std::move (*ready)();
      if (text.empty()) continue;
      Open();
      const absl::string_view slice = text;
      if (!refusal_) (void)transaction_->Write({&slice, 1}, [] {});
    }
    if (committed_) Finish();
    transaction_.reset();
  }

  void Ask(Question question) {
    std::optional<Verdict> verdict = transaction_->AddRecipient(
        question.rcpt, [&question] { return std::move(question.done); });
    if (verdict) std::move(question.done)(*std::move(verdict));
  }

  void Open() {
    if (opened_) return;
    opened_ = true;
    if (now_() - Ended() > kMaxWait) {
      refusal_ = Verdict::Refuse(
          {451, {4, 3, 2}, "too busy, try again later (#4.3.2)"});
      return;
    }
    std::optional<Verdict> verdict = transaction_->Open(
        envelope_, []() -> Policy::Done { std::abort(); });  // at once
    if (verdict->accepted()) return;
    refusal_ = std::move(verdict);
    transaction_.reset();
  }

  // Returns the time of Commit(), or now if it has not been called.
  Time Ended() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return done_ || each_ ? ended_ : now_();
  }

  void Finish() {
    Open();
    if (refusal_ && done_) {
      return std::move(*std::exchange(done_, {}))(*std::move(refusal_));
    }
    if (refusal_) {
      return std::move(*std::exchange(each_, {}))({*std::move(refusal_)});
    }
    // The callback keeps the transaction alive, because the transaction may
    // answer later, from another thread.
    std::shared_ptr<MailTransaction> keep = std::move(transaction_);
    MailTransaction& committing = *keep;
    if (done_) {
      committing.Commit([done = *std::exchange(done_, {}),
                         keep = std::move(keep)](Verdict verdict) mutable {
        std::move(done)(std::move(verdict));
      });
    } else {
      committing.CommitEach(
          [each = *std::exchange(each_, {}),
           keep = std::move(keep)](std::vector<Verdict> verdicts) mutable {
            std::move(each)(std::move(verdicts));
          });
    }
  }

  const std::shared_ptr<Delivery> delivery_;
  const system::Run run_;
  const std::function<Time()> now_;

  std::mutex mutex_;
  std::vector<Question> recipients_;  // not passed on yet
  std::string text_;                  // not passed on yet
  bool begun_ = false;                // a task has been started
  bool working_ = false;              // a task is queued or running
  bool abandoned_ = false;
  bool committed_ = false;
  std::optional<absl::AnyInvocable<void() &&>> ready_;  // the client waits
  std::optional<Policy::Done> done_;
  std::optional<MailTransaction::EachDone> each_;
  Time ended_;  // time of Commit(); valid if done_ or each_ is set

  // Used by the task only; envelope_ is set before the task reads it.
  Envelope envelope_;
  bool opened_ = false;
  std::optional<Verdict> refusal_;
  std::unique_ptr<MailTransaction> transaction_;
};

class PooledTransaction : public MailTransaction {
 public:
  PooledTransaction(std::shared_ptr<Job> job, bool looks_up)
      : job_(std::move(job)), looks_up_(looks_up) {}
  ~PooledTransaction() override { job_->Abandon(); }

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    if (!looks_up_) return Verdict::Accept();
    job_->AddRecipient(rcpt, later());
    return std::nullopt;
  }
  // If the delivery refuses, the reply comes after the end of the message.
  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later) override {
    job_->Open(envelope);
    return Verdict::Accept();
  }

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
  const bool looks_up_;
};

}  // namespace

std::unique_ptr<MailTransaction> PooledDelivery::Begin(
    const Envelope& envelope, const SharedSessionInfo& session) {
  return std::make_unique<PooledTransaction>(
      std::make_shared<Job>(delivery_, run_, now_,
                            delivery_->Begin(envelope, session)),
      delivery_->LooksUpRecipients());
}

}  // namespace postern::delivery
