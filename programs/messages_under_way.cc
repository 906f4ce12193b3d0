// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/messages_under_way.h"

#include <utility>

#include "policy/log_line.h"
#include "programs/log.h"

namespace postern::programs {

MessagesUnderWay::Pending::Pending(MessagesUnderWay* all, MessageFacts facts)
    : all_(all), facts_(std::move(facts)) {
  if (all_ == nullptr) return;
  const std::lock_guard<std::mutex> lock(all_->mutex_);
  all_->unanswered_.insert(this);
}

MessagesUnderWay::Pending::~Pending() {
  if (all_ == nullptr) return;
  const std::lock_guard<std::mutex> lock(all_->mutex_);
  if (all_->unanswered_.erase(this) > 0 && all_->interrupted_) Log(facts_);
}

bool MessagesUnderWay::Pending::Answer(bool accepted) {
  if (all_ == nullptr) return true;
  const std::lock_guard<std::mutex> lock(all_->mutex_);
  const bool logged = all_->unanswered_.erase(this) == 0;
  // Where it was stored after all, that is what the log must say.
  if (!all_->interrupted_ || accepted) return true;
  if (!logged) Log(facts_);
  return false;
}

void MessagesUnderWay::Interrupt() {
  const std::lock_guard<std::mutex> lock(mutex_);
  interrupted_ = true;
}

bool MessagesUnderWay::interrupted() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return interrupted_;
}

size_t MessagesUnderWay::LogRest() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t count = unanswered_.size();
  for (const Pending* message : unanswered_) Log(message->facts_);
  unanswered_.clear();
  return count;
}

void MessagesUnderWay::Log(const MessageFacts& facts) {
  WriteLog(policy::LogLine("message", LineStyle())
               .Word("result", "interrupted")
               .Text("id", facts.id, policy::kMaxLoggedName)
               .Number("size", facts.size)
               .Number("rcpts", facts.rcpts)
               .Address("from", facts.from));
}

}  // namespace postern::programs
