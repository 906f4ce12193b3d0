// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A table of what is remembered about clients and users, of limited size.

#ifndef POSTERN_POLICY_LIMITS_LIMITED_TABLE_H_
#define POSTERN_POLICY_LIMITS_LIMITED_TABLE_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"

namespace postern::policy {

// Entries that have become idle are removed as new ones are added, two steps
// for each new one, so that a round ends before the number of entries has
// doubled. Above a limit, entries in use are removed as well. Adding takes
// constant time on average.
//
// The hash function has a seed for each process, so an attacker cannot choose
// keys that collide. Thread-compatible.
template <typename Key, typename Entry>
class LimitedTable {
 public:
  // Returns whether an entry may be removed. `too_many` means that the table
  // has reached its limit.
  using Removable = absl::FunctionRef<bool(const Entry& entry, bool too_many)>;

  // Returns the entry, or null. Valid until the next Add().
  Entry* Find(const Key& key) {
    const auto it = entries_.find(key);
    return it == entries_.end() ? nullptr : &it->second;
  }
  const Entry* Find(const Key& key) const {
    const auto it = entries_.find(key);
    return it == entries_.end() ? nullptr : &it->second;
  }

  // Adds an entry for a key that has none, after making room for it: if the
  // table has `most` entries or more, removes the next removable ones until it
  // has fewer. At least one must then be removable. Returns the entry, which is
  // valid until the next Add().
  Entry& Add(const Key& key, Entry entry, size_t most, Removable removable) {
    for (int step = 0; !round_.empty(); ++step) {
      const bool too_many = entries_.size() >= most;
      if (step >= 2 && !too_many) break;
      const Key next = round_.front();
      round_.pop_front();
      const auto it = entries_.find(next);
      if (removable(it->second, too_many)) {
        entries_.erase(it);
      } else {
        round_.push_back(next);
      }
    }
    round_.push_back(key);
    return entries_.emplace(key, std::move(entry)).first->second;
  }

  size_t size() const { return entries_.size(); }

 private:
  absl::flat_hash_map<Key, Entry> entries_;
  std::deque<Key> round_;  // each key once, in the order of their checks
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_LIMITED_TABLE_H_
