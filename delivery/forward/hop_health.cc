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

bool HopHealth::works() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !last_;
}

void HopHealth::Succeeded(HopStage stage, Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // The later stages are also passed by connections that authenticated before.
  if (stage == HopStage::kGreeting) refused_ = false;
  if (!last_ || stage < stage_) return;
  if (refused_) return;
  last_.reset();
  pause_ = std::chrono::seconds(0);
  changed_ = now;
}

void HopHealth::Failed(const HopFailure& failure, HopStage stage, Time began,
                       Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // The test begins after the pause, and so after `changed_`.
  if (last_ ? began <= changed_ : began < changed_) return;
  // A test that fails earlier than the server did before shows nothing about
  // the later stage.
  stage_ = last_ ? std::max(stage_, stage) : stage;
  last_ = failure;
  refused_ = failure.kind == HopFailure::Kind::kCredentials;
  pause_ = std::clamp(2 * pause_, refused_ ? kFirstRefusal : kFirstPause,
                      refused_ ? kLongestRefusal : kLongestPause);
  until_ = now + pause_;
  changed_ = now;
}

void HopHealth::Ended(Time began, Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (last_ && began > changed_) until_ = std::min(until_, now);
}

void HopHealth::TlsFailed(Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  without_tls_until_ = now + kWithoutTls;
}

bool HopHealth::MayUseTls(Time now) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return now >= without_tls_until_;
}

}  // namespace postern::delivery
