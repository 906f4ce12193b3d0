// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/limits/connection_limits.h"

#include <algorithm>
#include <optional>

#include "absl/base/optimization.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {
namespace {

constexpr int64_t kMinute = int64_t{60} * 1000 * 1000 * 1000;

}  // namespace

ConnectionLimits::ConnectionLimits(Limits limits)
    : limits_(std::move(limits)) {}

ConnectionLimits::~ConnectionLimits() { ABSL_HARDENING_ASSERT(open_ == 0); }

std::variant<ConnectionLimits::Slot, ConnectionLimits::Refusal>
ConnectionLimits::Admit(const std::optional<IpAddress>& address, int64_t now) {
  const ClientNetwork client(address);
  const bool exempt = !address || limits_.exempt.Contains(*address);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (limits_.in_all != 0 && open_ >= limits_.in_all) {
    return Refusal::kTooManyInAll;
  }
  Entry* const found = clients_.Find(client);
  Entry entry = found == nullptr ? Entry() : *found;
  if (!exempt) {
    if (limits_.from_client != 0 && entry.open >= limits_.from_client) {
      return Refusal::kTooManyFromClient;
    }
    if (limits_.per_minute != 0) {
      const auto per_minute = static_cast<int64_t>(limits_.per_minute);
      const int64_t each = kMinute / per_minute;
      const int64_t full_at = std::max(entry.full_at, now) + each;
      if (full_at - now > each * per_minute) return Refusal::kTooFast;
      entry.full_at = full_at;
    }
  }
  ++entry.open;
  ++open_;
  if (found != nullptr) {
    *found = entry;
  } else {
    // If there are too many clients, at least one has no connection, because
    // `open_` includes the new one.
    clients_.Add(client, entry, open_ + limits_.remembered,
                 [now](const Entry& entry, bool too_many) {
                   return entry.open == 0 && (too_many || entry.full_at <= now);
                 });
  }
  return Slot(this, client);
}

size_t ConnectionLimits::open() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return open_;
}

size_t ConnectionLimits::clients() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return clients_.size();
}

void ConnectionLimits::GiveBack(const ClientNetwork& client) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Entry* const entry = clients_.Find(client);
  ABSL_HARDENING_ASSERT(entry != nullptr && entry->open > 0);
  --entry->open;
  --open_;
}

}  // namespace postern::policy
