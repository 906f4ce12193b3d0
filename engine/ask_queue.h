// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The open questions of a session, in the order of their commands.

#ifndef POSTERN_ENGINE_ASK_QUEUE_H_
#define POSTERN_ENGINE_ASK_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "engine/event.h"
#include "engine/verdict.h"
#include "engine/wipe.h"

namespace postern {

// AskQueue takes answers in any order and gives them out in the order of the
// questions, so that replies leave in command order (RFC 2920 3.2) and what an
// answer changes is changed in that order, too.
//
// It keeps as many entries as were ever open at once and uses them again: a
// further question costs no memory but its own strings.
class AskQueue {
 public:
  struct Entry {
    Ask ask;
    std::optional<Verdict> verdict;
  };

  // Opens a question. The Ask stays where it is until it is taken or cleared.
  template <typename T>
  const Ask* Open(T&& what) {
    if (open_ == entries_.size()) entries_.push_back(std::make_unique<Entry>());
    Entry& entry = *entries_[open_++];
    entry.ask.id = RequestId{++last_id_};
    entry.ask.what = std::forward<T>(what);
    return &entry.ask;
  }

  // Returns the open question `id` if it has no answer yet, else null. Its
  // answer is the caller's to put in.
  Entry* Find(RequestId id) {
    for (size_t i = 0; i < open_; ++i) {
      Entry& entry = *entries_[i];
      if (entry.ask.id == id) return entry.verdict ? nullptr : &entry;
    }
    return nullptr;
  }

  // Takes the oldest question off, if it has been answered, else returns null.
  // It may be moved from, stays where it is until the next Open(), and is to be
  // given back with Recycle() before.
  Entry* Take() {
    if (open_ == 0 || !entries_[0]->verdict) return nullptr;
    const auto first = entries_.begin();
    std::rotate(first, first + 1, first + static_cast<std::ptrdiff_t>(open_));
    return entries_[--open_].get();
  }
  void Recycle(Entry* entry) {
    entry->verdict.reset();
    if (auto* begin = std::get_if<AuthBegin>(&entry->ask.what)) {
      if (begin->initial_response) Wipe(&*begin->initial_response);
    } else if (auto* auth = std::get_if<AuthResponse>(&entry->ask.what)) {
      Wipe(&auth->bytes);
    }
    entry->ask.what.emplace<Connected>();  // its strings may be long
  }

  // Forgets all questions; their answers come too late.
  void Clear() {
    while (open_ > 0) Recycle(entries_[--open_].get());
  }

  bool empty() const { return open_ == 0; }
  size_t size() const { return open_; }
  // Returns true if every open question is a T.
  template <typename T>
  bool Only() const {
    for (size_t i = 0; i < open_; ++i) {
      if (!std::holds_alternative<T>(entries_[i]->ask.what)) return false;
    }
    return true;
  }

 private:
  uint64_t last_id_ = 0;
  // The open ones, the oldest first, then those that were.
  std::vector<std::unique_ptr<Entry>> entries_;
  size_t open_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_ASK_QUEUE_H_
