// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The open questions of a session, in the order of their commands.

#ifndef POSTERN_ENGINE_ASK_QUEUE_H_
#define POSTERN_ENGINE_ASK_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "engine/event.h"
#include "engine/verdict.h"

namespace postern {

// AskQueue takes answers in any order and gives them out in the order of the
// questions, so that replies leave in command order (RFC 2920 3.2) and what an
// answer changes is changed in that order, too.
class AskQueue {
 public:
  // Opens a question. The Ask stays where it is until it is taken or cleared.
  template <typename T>
  const Ask* Open(T what) {
    Entry& entry = entries_.emplace_back();
    entry.ask.id = RequestId{++last_id_};
    entry.ask.what.template emplace<T>(std::move(what));
    return &entry.ask;
  }

  // Returns the open question `id` that has no answer yet, or null.
  const Ask* Find(RequestId id) const {
    for (const Entry& entry : entries_) {
      if (entry.ask.id == id) return entry.verdict ? nullptr : &entry.ask;
    }
    return nullptr;
  }

  // Answers the question that Find() returned.
  void Answer(RequestId id, Verdict verdict) {
    for (Entry& entry : entries_) {
      if (entry.ask.id != id) continue;
      entry.verdict.emplace(std::move(verdict));
      return;
    }
  }

  // Takes the oldest question off, if it has been answered.
  std::optional<std::pair<Ask, Verdict>> Take() {
    if (entries_.empty() || !entries_.front().verdict) return std::nullopt;
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    return std::pair(std::move(entry.ask), std::move(*entry.verdict));
  }

  // Forgets all questions; their answers come too late.
  void Clear() { entries_.clear(); }

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  // Returns true if every open question is a T.
  template <typename T>
  bool Only() const {
    for (const Entry& entry : entries_) {
      if (!std::holds_alternative<T>(entry.ask.what)) return false;
    }
    return true;
  }

 private:
  struct Entry {
    Ask ask;
    std::optional<Verdict> verdict;
  };

  uint64_t last_id_ = 0;
  std::deque<Entry> entries_;  // addresses stay while others come and go
};

}  // namespace postern

#endif  // POSTERN_ENGINE_ASK_QUEUE_H_
