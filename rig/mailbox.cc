// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/mailbox.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>

#include "absl/strings/match.h"

namespace postern::rig {
namespace {

// Converts a timeout to a point in time. A wait must not overflow the clock.
std::chrono::steady_clock::time_point End(absl::Duration timeout) {
  return std::chrono::steady_clock::now() +
         absl::ToChronoNanoseconds(std::min(timeout, absl::Hours(24)));
}

}  // namespace

int Mailbox::Add(Message::Data data) {
  std::unique_lock<std::mutex> lock(mutex_);
  data.number = ++last_message_;
  const Message message(std::make_shared<const Message::Data>(std::move(data)));
  octets_ += message.cost();
  messages_.push_back(message);
  ++added_since_clear_;
  Trim();
  lock.unlock();
  changed_.notify_all();
  if (added_) added_(message);
  return message.number();
}

void Mailbox::Trim() {
  while (messages_.size() > 1 &&
         (messages_.size() > most_messages_ || octets_ > most_octets_)) {
    octets_ -= messages_.front().cost();
    messages_.pop_front();
    ++dropped_;
  }
}

int Mailbox::BeginSession(SessionFacts facts) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    facts.number = ++last_session_;
    sessions_[facts.number] = facts;
    TrimSessions();
  }
  if (session_changed_) session_changed_(facts);
  return facts.number;
}

void Mailbox::UpdateSession(const SessionFacts& facts) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = sessions_.find(facts.number);
    if (found == sessions_.end()) return;
    found->second = facts;
    if (facts.end) {
      ++ended_since_clear_;
      session_octets_ += facts.transcript->size();
      TrimSessions();
    }
  }
  changed_.notify_all();
  if (session_changed_) session_changed_(facts);
}

void Mailbox::TrimSessions() {
  // An open session is kept: its end is still to come. So is the last one.
  auto it = sessions_.begin();
  while (
      it != sessions_.end() && std::next(it) != sessions_.end() &&
      (sessions_.size() > most_messages_ || session_octets_ > most_octets_)) {
    if (!it->second.end) {
      ++it;
      continue;
    }
    session_octets_ -= it->second.transcript->size();
    it->second.transcript->Forget();
    it = sessions_.erase(it);
  }
}

std::vector<Message> Mailbox::Messages() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {messages_.begin(), messages_.end()};
}

std::vector<SessionFacts> Mailbox::Sessions() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<SessionFacts> sessions;
  for (const auto& [number, facts] : sessions_) sessions.push_back(facts);
  return sessions;
}

std::optional<SessionFacts> Mailbox::Session(int number) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = sessions_.find(number);
  if (found == sessions_.end()) return std::nullopt;
  return found->second;
}

void Mailbox::Clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  messages_.clear();
  octets_ = 0;
  added_since_clear_ = ended_since_clear_ = 0;
  session_octets_ = 0;
  std::erase_if(sessions_,
                [](const auto& s) { return s.second.end.has_value(); });
}

size_t Mailbox::Remove(const std::function<bool(const Message&)>& drop) {
  const std::lock_guard<std::mutex> lock(mutex_);
  size_t removed = 0;
  std::deque<Message> kept;
  for (Message& message : messages_) {
    if (drop(message)) {
      octets_ -= message.cost();
      ++removed;
    } else {
      kept.push_back(std::move(message));
    }
  }
  messages_ = std::move(kept);
  return removed;
}

size_t Mailbox::dropped() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return dropped_;
}

int Mailbox::oldest() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return messages_.empty() ? last_message_ + 1 : messages_.front().number();
}

void Mailbox::Close() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

template <typename Done>
bool Mailbox::Await(std::unique_lock<std::mutex>* lock, absl::Duration timeout,
                    Done done) const {
  (void)changed_.wait_until(*lock, End(timeout),
                            [&] { return closed_ || done(); });
  return done();
}

std::vector<Message> Mailbox::WaitForMessages(size_t count,
                                              absl::Duration timeout) const {
  std::unique_lock<std::mutex> lock(mutex_);
  (void)Await(&lock, timeout, [&] { return added_since_clear_ >= count; });
  return {messages_.begin(), messages_.end()};
}

std::vector<SessionFacts> Mailbox::WaitForSessions(
    size_t count, absl::Duration timeout) const {
  std::unique_lock<std::mutex> lock(mutex_);
  (void)Await(&lock, timeout, [&] { return ended_since_clear_ >= count; });
  return Ended();
}

bool Mailbox::AwaitMessages(size_t count, absl::Duration timeout) const {
  std::unique_lock<std::mutex> lock(mutex_);
  return Await(&lock, timeout, [&] { return added_since_clear_ >= count; });
}

bool Mailbox::AwaitSessions(size_t count, absl::Duration timeout) const {
  std::unique_lock<std::mutex> lock(mutex_);
  return Await(&lock, timeout, [&] { return ended_since_clear_ >= count; });
}

std::vector<SessionFacts> Mailbox::Ended() const {
  std::vector<SessionFacts> ended;
  for (const auto& [number, facts] : sessions_) {
    if (facts.end) ended.push_back(facts);
  }
  return ended;
}

bool Mailbox::Wait(const std::function<bool(const std::deque<Message>&)>& done,
                   absl::Duration timeout) const {
  std::unique_lock<std::mutex> lock(mutex_);
  return Await(&lock, timeout, [&] { return done(messages_); });
}

uint64_t Mailbox::OctetsFor(const std::string& recipient) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  uint64_t octets = 0;
  for (const Message& message : messages_) {
    for (const std::string& to : message.to()) {
      if (!absl::EqualsIgnoreCase(to, recipient)) continue;
      octets += message.raw().size();
      break;
    }
  }
  return octets;
}

}  // namespace postern::rig
