// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_health.h"

#include <algorithm>

namespace postern::delivery {

std::optional<HopFailure> HopHealth::Refusal(Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!last_) return std::nullopt;
  if (now < until_) return last_;
  until_ = now + kTest;  // this caller tests the server, no other
  return std::nullopt;
}

void HopHealth::Succeeded() {
  const std::lock_guard<std::mutex> lock(mutex_);
  last_.reset();
  pause_ = std::chrono::seconds(0);
}

void HopHealth::Failed(const HopFailure& failure, Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Connections that began before the first failure fail as well, and they say
  // nothing new.
  const bool paused = last_ && now < until_ && until_ - now <= pause_;
  last_ = failure;
  if (paused) return;
  pause_ = std::clamp(2 * pause_, kFirstPause, kLongestPause);
  until_ = now + pause_;
}

}  // namespace postern::delivery
