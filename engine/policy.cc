// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/policy.h"

#include <memory>
#include <utility>

namespace postern {
namespace {

// One decision on its way through the policies. It owns copies, because each
// policy may answer later and from another thread.
class Round : public std::enable_shared_from_this<Round> {
 public:
  Round(const std::vector<Policy*>& policies, const Ask& ask,
        const SharedSessionInfo& session, Policy::Done done)
      : policies_(policies),
        ask_(ask),
        session_(session),
        done_(std::move(done)) {}

  void Next() {
    if (at_ == policies_.size()) return std::move(done_)(std::move(result_));
    Policy* policy = policies_[at_++];
    policy->Decide(ask_, session_,
                   [self = shared_from_this()](Verdict verdict) {
                     self->Take(std::move(verdict));
                   });
  }

 private:
  void Take(Verdict verdict) {
    if (!verdict.accepted()) return std::move(done_)(std::move(verdict));
    if (verdict.path()) {
      if (auto* mail = std::get_if<Mail>(&ask_.what)) {
        mail->from = *verdict.path();
      } else if (auto* rcpt = std::get_if<Rcpt>(&ask_.what)) {
        rcpt->to = *verdict.path();
      }
      result_ = std::move(verdict);
    } else if (verdict.bare_newlines()) {
      result_ = std::move(verdict);
    } else if (verdict.reply()) {
      // What is in place already stays: the reply of an acceptance is a
      // courtesy, a path or another treatment is a decision.
      if (!result_.path() && !result_.bare_newlines()) {
        result_ = std::move(verdict);
      }
    }
    Next();
  }

  const std::vector<Policy*> policies_;
  Ask ask_;
  const SharedSessionInfo session_;
  Policy::Done done_;
  size_t at_ = 0;
  Verdict result_ = Verdict::Accept();
};

}  // namespace

AllOf::AllOf(std::vector<Policy*> policies) : policies_(std::move(policies)) {}

void AllOf::Decide(const Ask& ask, const SharedSessionInfo& session,
                   Done done) {
  std::make_shared<Round>(policies_, ask, session, std::move(done))->Next();
}

}  // namespace postern
