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
  int64_t* const full_at = full_at_.Find(key);
  if (full_at != nullptr) *full_at = std::min(*full_at, now);
  return true;
}

void AttemptLimits::Withdraw(const std::optional<IpAddress>& address) {
  if (limits_.exempt.Contains(address)) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  GiveBack(Key(address, 0), LimitOfClient(address));
}

std::optional<bool> AttemptLimits::Begin(
    const std::optional<IpAddress>& address, int64_t now, Later) {
  return Begin(address, now);
}

std::optional<bool> AttemptLimits::MayTry(
    const std::optional<IpAddress>& address, absl::string_view user,
    int64_t now, Later) {
  return MayTry(address, user, now);
}

std::optional<bool> AttemptLimits::Succeeded(
    const std::optional<IpAddress>& address, absl::string_view user,
    int64_t now, Later) {
  return Succeeded(address, user, now);
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
  const int64_t* const found = full_at_.Find(key);
  const int64_t full_at = std::max(found == nullptr ? now : *found, now);
  const int64_t cost = Cost(limit);
  return full_at - now + cost <= cost * static_cast<int64_t>(limit);
}

// A bucket can be overdrawn by one limit at most: no client is locked out for
// longer than twice the time.
void AttemptLimits::Take(const Key& key, size_t limit, int64_t now) {
  if (limit == 0) return;
  const int64_t cost = Cost(limit);
  int64_t* const full_at = full_at_.Find(key);
  if (full_at == nullptr) {
    full_at_.Add(key, now + cost, limits_.remembered,
                 [now](int64_t full_at, bool too_many) {
                   return too_many || full_at <= now;
                 });
  } else {
    *full_at = std::min(std::max(*full_at, now) + cost,
                        now + 2 * cost * static_cast<int64_t>(limit));
  }
}

void AttemptLimits::GiveBack(const Key& key, size_t limit) {
  if (limit == 0) return;
  int64_t* const full_at = full_at_.Find(key);
  if (full_at != nullptr) *full_at -= Cost(limit);
}

}  // namespace postern::policy
