// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/routed_delivery.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/macros.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "delivery/one_verdict.h"
#include "engine/ask.h"
#include "engine/policy.h"
#include "engine/verdict.h"

namespace postern::delivery {
namespace {

using EachDone = MailTransaction::EachDone;

// The answers of several transactions to one question, which come in any order
// and on any thread. The question itself counts as one that is open, so that no
// answer is the last one before all have been asked.
class Answers {
 public:
  using Done = absl::AnyInvocable<void(std::vector<std::vector<Verdict>>) &&>;

  explicit Answers(size_t count) : open_(count + 1), answers_(count) {}

  void Give(size_t index, std::vector<Verdict> verdicts) {
    std::optional<Done> done;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      answers_[index] = std::move(verdicts);
      if (--open_ != 0) return;
      // Moved out before the call: it keeps alive what keeps this alive.
      done.swap(done_);
    }
    std::move (*done)(std::move(answers_));
  }

  // All have been asked. Returns true if all have answered, and otherwise calls
  // `later` and passes the answers to its result.
  bool Asked(absl::FunctionRef<Done()> later) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--open_ == 0) return true;
    done_.emplace(later());
    return false;
  }

  // The answers, once all are given.
  std::vector<std::vector<Verdict>>& all() { return answers_; }

 private:
  std::mutex mutex_;  // guards the members below until all have answered
  size_t open_;
  std::vector<std::vector<Verdict>> answers_;
  std::optional<Done> done_;
};

// Waits for several transactions to take more content.
class Ready {
 public:
  explicit Ready(absl::AnyInvocable<void() &&> ready)
      : ready_(std::move(ready)) {}

  void Add() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++open_;
  }
  void Give() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (--open_ != 0) return;
    }
    std::move(ready_)();
  }
  // All have been asked. Returns whether none has to be waited for. Otherwise
  // the last Give() calls `ready`.
  bool Asked() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return --open_ == 0;
  }

 private:
  std::mutex mutex_;
  size_t open_ = 1;  // until Asked()
  absl::AnyInvocable<void() &&> ready_;
};

Verdict TooMany() {
  return Verdict::Refuse(
             {452, {4, 5, 3}, "too many destinations for one message (#4.5.3)"})
      .By(kRoutesRule);
}

std::vector<Verdict> One(Verdict verdict) {
  std::vector<Verdict> verdicts;
  verdicts.push_back(std::move(verdict));
  return verdicts;
}

}  // namespace

class RoutedDelivery::Transaction : public MailTransaction {
 public:
  Transaction(const RoutedDelivery* delivery, const Envelope& envelope,
              SharedSessionInfo session)
      : deliveries_(delivery->deliveries_),
        choose_(delivery->choose_),
        envelope_(envelope),
        session_(std::move(session)) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    Part* const part = PartOf(choose_(rcpt.to));
    if (part == nullptr) return TooMany();
    return part->transaction->AddRecipient(rcpt, later);
  }

  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override {
    for (size_t i = 0; i < envelope.to.size(); ++i) {
      // AddRecipient() has made the part, if it was asked.
      Part* const part = PartOf(choose_(envelope.to[i].path));
      if (part == nullptr) return TooMany();
      part->recipients.push_back(i);
    }
    // A destination without a recipient has no part in the message.
    parts_.erase(std::remove_if(
                     parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.recipients.empty(); }),
                 parts_.end());
    if (parts_.size() == 1) {
      return parts_[0].transaction->Open(envelope, later);
    }
    opened_ = std::make_shared<Answers>(parts_.size());
    for (size_t i = 0; i < parts_.size(); ++i) {
      Envelope own = envelope;
      own.to.clear();
      for (const size_t index : parts_[i].recipients) {
        own.to.push_back(envelope.to[index]);
      }
      std::optional<Verdict> verdict =
          parts_[i].transaction->Open(own, [&]() -> Policy::Done {
            return [opened = opened_, i](Verdict answer) {
              opened->Give(i, One(std::move(answer)));
            };
          });
      if (verdict) opened_->Give(i, One(*std::move(verdict)));
    }
    const bool all = opened_->Asked([&]() -> Answers::Done {
      // The answer keeps this object alive.
      return [this, done = later()](
                 std::vector<std::vector<Verdict>> answers) mutable {
        Policy::Done answer = std::move(done);
        std::move(answer)(Opened(std::move(answers)));
      };
    });
    if (!all) return std::nullopt;
    return Opened(std::move(opened_->all()));
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    if (parts_.size() == 1) {
      return parts_[0].transaction->Write(slices, std::move(ready));
    }
    const auto waiting = std::make_shared<Ready>(std::move(ready));
    for (const Part& part : parts_) {
      if (part.refusal) continue;
      waiting->Add();
      if (part.transaction->Write(slices, [waiting] { waiting->Give(); })) {
        waiting->Give();
      }
    }
    return waiting->Asked();
  }

  void Commit(Policy::Done done) override {
    if (parts_.size() == 1) {
      return parts_[0].transaction->Commit(std::move(done));
    }
    std::vector<Verdict> refusals = Refusals();
    if (!refusals.empty()) {
      return std::move(done)(OneVerdict(std::move(refusals)));
    }
    const auto answers = std::make_shared<Answers>(parts_.size());
    for (size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].transaction->Commit([answers, i](Verdict verdict) {
        answers->Give(i, One(std::move(verdict)));
      });
    }
    const auto answer = [](Policy::Done done,
                           std::vector<std::vector<Verdict>> all) {
      std::vector<Verdict> verdicts;
      for (std::vector<Verdict>& each : all) {
        verdicts.push_back(std::move(each[0]));
      }
      std::move(done)(OneVerdict(std::move(verdicts)));
    };
    Finish(*answers, std::move(done), answer);
  }

  void CommitEach(EachDone done) override {
    if (parts_.size() == 1) {
      return parts_[0].transaction->CommitEach(std::move(done));
    }
    const auto answers = std::make_shared<Answers>(parts_.size());
    std::vector<std::vector<size_t>> recipients;
    for (size_t i = 0; i < parts_.size(); ++i) {
      Part& part = parts_[i];
      recipients.push_back(part.recipients);
      if (part.refusal) {
        answers->Give(i, One(*part.refusal));
        continue;
      }
      part.transaction->CommitEach([answers, i](std::vector<Verdict> verdicts) {
        answers->Give(i, std::move(verdicts));
      });
    }
    const auto answer = [recipients = std::move(recipients)](
                            EachDone done,
                            std::vector<std::vector<Verdict>> all) {
      std::vector<std::pair<size_t, Verdict>> ordered;
      for (size_t i = 0; i < all.size(); ++i) {
        // One for each recipient of the destination, or one for all.
        const bool each = all[i].size() == recipients[i].size();
        ABSL_HARDENING_ASSERT(each || all[i].size() == 1);
        for (size_t j = 0; j < recipients[i].size(); ++j) {
          ordered.emplace_back(recipients[i][j], all[i][each ? j : 0]);
        }
      }
      std::sort(ordered.begin(), ordered.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      std::vector<Verdict> verdicts;
      for (auto& [index, verdict] : ordered) {
        verdicts.push_back(std::move(verdict));
      }
      std::move(done)(std::move(verdicts));
    };
    Finish(*answers, std::move(done), answer);
  }

  void OnReplied() override {
    for (const Part& part : parts_) part.transaction->OnReplied();
  }

 private:
  // The transaction of one destination.
  struct Part {
    size_t destination = 0;
    std::unique_ptr<MailTransaction> transaction;
    std::vector<size_t> recipients;  // indexes of Envelope::to, ascending
    std::optional<Verdict> refusal;  // by Open()
  };

  // Returns the part of a destination. Makes it if it does not exist, unless
  // there are too many: then returns null.
  Part* PartOf(size_t destination) {
    for (Part& part : parts_) {
      if (part.destination == destination) return &part;
    }
    if (parts_.size() == kMaxDestinations) return nullptr;
    return &parts_.emplace_back(
        Part{destination,
             deliveries_[destination]->Begin(envelope_, session_),
             {},
             std::nullopt});
  }

  std::vector<Verdict> Refusals() const {
    std::vector<Verdict> refusals;
    for (const Part& part : parts_) {
      if (part.refusal) refusals.push_back(*part.refusal);
    }
    return refusals;
  }

  // All parts have answered Open().
  Verdict Opened(std::vector<std::vector<Verdict>> answers) {
    for (size_t i = 0; i < parts_.size(); ++i) {
      Verdict& answer = answers[i][0];
      if (!answer.accepted()) parts_[i].refusal = std::move(answer);
    }
    std::vector<Verdict> refusals = Refusals();
    if (refusals.size() < parts_.size()) return Verdict::Accept();
    return OneVerdict(std::move(refusals));
  }

  // Passes the answers and `done`, which keeps this object alive until it is
  // called, to `answer`.
  template <typename Done, typename Answer>
  static void Finish(Answers& answers, Done done, Answer answer) {
    const bool all = answers.Asked([&]() -> Answers::Done {
      return [done = std::move(done),
              answer](std::vector<std::vector<Verdict>> given) mutable {
        answer(std::move(done), std::move(given));
      };
    });
    if (all) answer(std::move(done), std::move(answers.all()));
  }

  const std::vector<std::shared_ptr<Delivery>> deliveries_;
  const Choose choose_;
  const Envelope envelope_;  // without recipients
  const SharedSessionInfo session_;
  std::vector<Part> parts_;
  std::shared_ptr<Answers> opened_;
};

ExtensionSet RoutedDelivery::carries() const {
  ExtensionSet all = ExtensionSet::All();
  for (const auto& delivery : deliveries_) all = all & delivery->carries();
  return all;
}

std::unique_ptr<MailTransaction> RoutedDelivery::Begin(
    const Envelope& envelope, const SharedSessionInfo& session) {
  return std::make_unique<Transaction>(this, envelope, session);
}

}  // namespace postern::delivery
