// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/limits/attempt_limits.h"

#include <algorithm>
#include <optional>

#include "absl/hash/hash.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {
namespace {

// Never 0, which stands for the client's own bucket.
uint64_t UserNumber(absl::string_view user) {
  return uint64_t{absl::Hash<absl::string_view>()(user)} | 1;
}

}  // namespace

bool AttemptLimits::Begin(const std::optional<IpAddress>& address,
                          int64_t now) {
  if (limits_.exempt.Contains(address)) return true;
  const Key key(address, 0);
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t limit = LimitOfClient(address);
  if (!Has(key, limit, now)) return false;
  Take(key, limit, now);
  return true;
}

bool AttemptLimits::MayTry(const std::optional<IpAddress>& address,
                           absl::string_view user, int64_t now) const {
  if (limits_.exempt.Contains(address)) return true;
  const Key key(address, UserNumber(user));
  const std::lock_guard<std::mutex> lock(mutex_);
  return Has(key, limits_.of_user, now);
}

void AttemptLimits::Failed(const std::optional<IpAddress>& address,
                           absl::string_view user, int64_t now) {
  if (limits_.exempt.Contains(address)) return;
  const Key key(address, UserNumber(user));
  const std::lock_guard<std::mutex> lock(mutex_);
  Take(key, limits_.of_user, now);
}

bool AttemptLimits::Succeeded(const std::optional<IpAddress>& address,
                              absl::string_view user, int64_t now) {
  // An exempt client takes nothing. What its network has taken belongs to other
  // clients.
  if (limits_.exempt.Contains(address)) return true;
  const Key key(address, UserNumber(user));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!Has(key, limits_.of_user, now)) return false;
  GiveBack(Key(address, 0), LimitOfClient(address));
  // The password is right, so the earlier failures may have been typing errors.
  const auto it = full_at_.find(key);
  if (it != full_at_.end()) it->second = std::min(it->second, now);
  return true;
}

size_t AttemptLimits::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return full_at_.size();
}

int64_t AttemptLimits::Cost(size_t limit) const {
  return absl::ToInt64Nanoseconds(limits_.time) / static_cast<int64_t>(limit);
}

bool AttemptLimits::Has(const Key& key, size_t limit, int64_t now) const {
  if (limit == 0) return true;
  const auto it = full_at_.find(key);
  const int64_t full_at =
      std::max(it == full_at_.end() ? now : it->second, now);
  const int64_t cost = Cost(limit);
  return full_at - now + cost <= cost * static_cast<int64_t>(limit);
}

// A bucket can be overdrawn by one limit at most: no client is locked out for
// longer than twice the time.
void AttemptLimits::Take(const Key& key, size_t limit, int64_t now) {
  if (limit == 0) return;
  const int64_t cost = Cost(limit);
  const auto it = full_at_.find(key);
  if (it == full_at_.end()) {
    Forget(now);
    full_at_.emplace(key, now + cost);
    round_.push_back(key);
  } else {
    it->second = std::min(std::max(it->second, now) + cost,
                          now + 2 * cost * static_cast<int64_t>(limit));
  }
}

void AttemptLimits::GiveBack(const Key& key, size_t limit) {
  if (limit == 0) return;
  const auto it = full_at_.find(key);
  if (it != full_at_.end()) it->second -= Cost(limit);
}

void AttemptLimits::Forget(int64_t now) {
  // Two steps for each new bucket, so that a round ends before the number of
  // buckets has doubled.
  for (int step = 0; !round_.empty(); ++step) {
    const bool too_many = full_at_.size() >= limits_.remembered;
    if (step >= 2 && !too_many) break;
    const Key key = round_.front();
    round_.pop_front();
    const auto it = full_at_.find(key);
    if (too_many || it->second <= now) {
      full_at_.erase(it);
    } else {
      round_.push_back(key);
    }
  }
}

}  // namespace postern::policy
