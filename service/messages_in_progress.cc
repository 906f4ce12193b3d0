// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/messages_under_way.h"

#include <utility>

#include "log/log.h"

namespace postern::service {

log::LogLine MessageLine(absl::string_view result, const MessageFacts& facts) {
  log::LogLine line("message", log::LineStyle(),
                    {facts.session, facts.message});
  line.Word("result", result)
      .Number("size", facts.size)
      .Number("rcpts", facts.rcpts)
      .Add(facts.origin);
  return line;
}

MessagesUnderWay::Pending::Pending(MessagesUnderWay* all, MessageFacts facts)
    : all_(all), facts_(std::move(facts)) {
  if (all_ == nullptr) return;
  const std::lock_guard<std::mutex> lock(all_->mutex_);
  all_->unlogged_.insert(this);
}

MessagesUnderWay::Pending::~Pending() {
  if (!Take()) return;
  if (accepted_ || (all_ != nullptr && all_->interrupted())) {
    log::WriteLog(Unreplied());
  }
}

bool MessagesUnderWay::Pending::Take() {
  if (all_ == nullptr) return !std::exchange(logged_, true);
  const std::lock_guard<std::mutex> lock(all_->mutex_);
  all_->unlogged_.erase(this);
  return !std::exchange(logged_, true);
}

log::LogLine MessagesUnderWay::Pending::Unreplied() const {
  if (!accepted_) return MessageLine("interrupted", facts_);
  log::LogLine line = MessageLine(*accepted_ ? "accept" : "refuse", facts_);
  line.Word("reply", "none");
  return line;
}

void MessagesUnderWay::Pending::Answer(bool accepted) {
  if (all_ == nullptr) {
    accepted_ = accepted;
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(all_->mutex_);
    // A message that was stored is logged as accepted, even after Interrupt().
    if (!all_->interrupted_ || accepted) {
      accepted_ = accepted;
      return;
    }
  }
  if (Take()) log::WriteLog(Unreplied());
}

void MessagesUnderWay::Pending::Log(const log::LogLine& reply) {
  if (!Take()) return;
  log::WriteLog(
      MessageLine(*accepted_ ? "accept" : "refuse", facts_).Add(reply));
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
  const size_t count = unlogged_.size();
  for (Pending* message : unlogged_) {
    message->logged_ = true;
    log::WriteLog(message->Unreplied());
  }
  unlogged_.clear();
  return count;
}

}  // namespace postern::service
