// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The open questions of a session, in the order of their commands.

#ifndef POSTERN_ENGINE_ASK_QUEUE_H_
#define POSTERN_ENGINE_ASK_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <utility>
#include <variant>

#include "engine/ask.h"
#include "engine/grammar/wipe.h"
#include "engine/verdict.h"

namespace postern {

// AskQueue takes answers in any order and returns them in the order of the
// questions. So replies leave, and answers take effect, in command order (RFC
// 2920 3.2).
//
// It keeps as many entries as were ever open at once, and reuses them, until
// ReleaseIdleMemory(). A further question allocates only its own strings.
class AskQueue {
 public:
  AskQueue() = default;
  AskQueue(const AskQueue&) = delete;
  AskQueue& operator=(const AskQueue&) = delete;
  // An open question may contain a password.
  ~AskQueue() { Clear(); }

  struct Entry {
    Ask ask;
    std::optional<Verdict> verdict;
  };

  // Opens a question. The Ask keeps its address until it is taken or cleared.
  template <typename T>
  const Ask* Open(T&& what) {
    if (spare_.empty()) spare_.emplace_back();
    open_.splice(open_.end(), spare_, spare_.begin());
    Entry& entry = open_.back();
    entry.ask.id = RequestId{++last_id_};
    entry.ask.what = std::forward<T>(what);
    return &entry.ask;
  }

  // Returns the open question `id` if it has no answer yet, else null. The
  // caller sets its answer.
  const Entry* Find(RequestId id) const {
    for (const Entry& entry : open_) {
      if (entry.ask.id == id) return entry.verdict ? nullptr : &entry;
    }
    return nullptr;
  }
  Entry* Find(RequestId id) {
    return const_cast<Entry*>(std::as_const(*this).Find(id));
  }

  // Removes and returns the oldest question if it has an answer, else returns
  // null. The caller may move from it. It keeps its address until the next
  // Open(); call Recycle() before that.
  Entry* Take() {
    if (open_.empty() || !open_.front().verdict) return nullptr;
    spare_.splice(spare_.begin(), open_, open_.begin());
    return &spare_.front();
  }
  void Recycle(Entry* entry) {
    entry->verdict.reset();
    if (auto* begin = std::get_if<AuthBegin>(&entry->ask.what)) {
      if (begin->initial_response) Wipe(&*begin->initial_response);
    } else if (auto* auth = std::get_if<AuthResponse>(&entry->ask.what)) {
      Wipe(&auth->bytes);
    }
    entry->ask.what.emplace<Connected>();  // frees strings, which may be long
  }

  // Drops all questions. Their answers will come too late.
  void Clear() {
    for (Entry& entry : open_) Recycle(&entry);
    spare_.splice(spare_.begin(), open_);
  }

  // Frees the entries that are not in use. Not between Take() and Recycle().
  void ReleaseIdleMemory() { spare_.clear(); }

  bool empty() const { return open_.empty(); }
  size_t size() const { return open_.size(); }
  // Returns true if every open question is a T.
  template <typename T>
  bool Only() const {
    return std::all_of(open_.begin(), open_.end(), [](const Entry& entry) {
      return std::holds_alternative<T>(entry.ask.what);
    });
  }

 private:
  uint64_t last_id_ = 0;
  std::list<Entry> open_;   // the oldest first
  std::list<Entry> spare_;  // entries to reuse
};

}  // namespace postern

#endif  // POSTERN_ENGINE_ASK_QUEUE_H_
