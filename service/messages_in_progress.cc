// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/messages_in_progress.h"

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

MessagesInProgress::Pending::Pending(MessagesInProgress* all,
                                     MessageFacts facts)
    : all_(all), facts_(std::move(facts)) {
  if (all_ == nullptr) return;
  const std::lock_guard<std::mutex> lock(all_->mutex_);
  all_->unlogged_.insert(this);
}

MessagesInProgress::Pending::~Pending() {
  if (!Take()) return;
  if (accepted_ || (all_ != nullptr && all_->interrupted())) {
    log::WriteLog(Unreplied());
  }
}

bool MessagesInProgress::Pending::Take() {
  if (all_ == nullptr) return !std::exchange(logged_, true);
  const std::lock_guard<std::mutex> lock(all_->mutex_);
  all_->unlogged_.erase(this);
  return !std::exchange(logged_, true);
}

log::LogLine MessagesInProgress::Pending::Unreplied() const {
  if (!accepted_) return MessageLine("interrupted", facts_);
  log::LogLine line = MessageLine(*accepted_ ? "accept" : "refuse", facts_);
  line.Word("reply", "none");
  return line;
}

void MessagesInProgress::Pending::Answer(bool accepted) {
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

void MessagesInProgress::Pending::Log(const log::LogLine& reply) {
  if (!Take()) return;
  log::WriteLog(
      MessageLine(*accepted_ ? "accept" : "refuse", facts_).Add(reply));
}

void MessagesInProgress::Interrupt() {
  const std::lock_guard<std::mutex> lock(mutex_);
  interrupted_ = true;
}

bool MessagesInProgress::interrupted() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return interrupted_;
}

size_t MessagesInProgress::LogRest() {
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
