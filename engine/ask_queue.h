// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The open questions of a session, in the order of their commands.

#ifndef POSTERN_ENGINE_ASK_QUEUE_H_
#define POSTERN_ENGINE_ASK_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "engine/event.h"
#include "engine/verdict.h"

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
    if (spare_.empty()) spare_.push_back(std::make_unique<Entry>());
    Entry& entry = *open_.emplace_back(std::move(spare_.back()));
    spare_.pop_back();
    entry.ask.id = RequestId{++last_id_};
    entry.ask.what = std::forward<T>(what);
    return &entry.ask;
  }

  // Returns the open question `id` if it has no answer yet, else null. Its
  // answer is the caller's to put in.
  Entry* Find(RequestId id) {
    for (const auto& entry : open_) {
      if (entry->ask.id == id) return entry->verdict ? nullptr : entry.get();
    }
    return nullptr;
  }

  // Takes the oldest question off, if it has been answered, else null. Give it
  // back with Recycle(): it may be moved from.
  std::unique_ptr<Entry> Take() {
    if (open_.empty() || !open_[0]->verdict) return nullptr;
    return TakeFirst();
  }
  void Recycle(std::unique_ptr<Entry> entry) {
    entry->verdict.reset();
    entry->ask.what.emplace<Connected>();  // its strings may be long
    spare_.push_back(std::move(entry));
  }

  // Forgets all questions; their answers come too late.
  void Clear() {
    while (!open_.empty()) Recycle(TakeFirst());
  }

  bool empty() const { return open_.empty(); }
  size_t size() const { return open_.size(); }
  // Returns true if every open question is a T.
  template <typename T>
  bool Only() const {
    for (const auto& entry : open_) {
      if (!std::holds_alternative<T>(entry->ask.what)) return false;
    }
    return true;
  }

 private:
  std::unique_ptr<Entry> TakeFirst() {
    std::unique_ptr<Entry> entry = std::move(open_[0]);
    open_.erase(open_.begin());
    return entry;
  }

  uint64_t last_id_ = 0;
  std::vector<std::unique_ptr<Entry>> open_;  // the oldest first
  std::vector<std::unique_ptr<Entry>> spare_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_ASK_QUEUE_H_
