// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_health.h"

#include <algorithm>

namespace postern::delivery {
namespace {

// Returns the pause after `failure`, which follows one of `pause`.
std::chrono::seconds PauseAfter(const HopFailure& failure,
                                std::chrono::seconds pause) {
  const bool refused = failure.kind == HopFailure::Kind::kCredentials;
  return std::clamp(
      2 * pause, refused ? HopHealth::kFirstRefusal : HopHealth::kFirstPause,
      refused ? HopHealth::kLongestRefusal : HopHealth::kLongestPause);
}

// Returns the first address of the /64 network of an IPv6 address.
std::optional<IpAddress> NetworkOf(const std::optional<IpAddress>& client) {
  if (!client || client->v4()) return client;
  IpAddress::Bytes bytes = client->bytes();
  std::fill(bytes.begin() + bytes.size() / 2, bytes.end(), 0);
  return IpAddress(bytes);
}

}  // namespace

std::optional<HopFailure> HopHealth::Refusal(Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!last_) return std::nullopt;
  if (now < until_) return last_;
  until_ = now + kTest;  // this caller tests the server, no other
  return std::nullopt;
}

std::optional<HopFailure> HopHealth::RefusalOf(
    const std::optional<IpAddress>& client, Time now) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (refused_clients_.empty()) return std::nullopt;
  const std::optional<IpAddress> network = NetworkOf(client);
  for (const RefusedClient& each : refused_clients_) {
    if (each.network == network && now < each.failed + each.pause) {
      return each.failure;
    }
  }
  return std::nullopt;
}

bool HopHealth::works() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !last_;
}

void HopHealth::Succeeded(HopStage stage, Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // The later stages are also passed by connections that authenticated before.
  if (stage == HopStage::kAuth) {
    refused_ = false;
    refused_clients_.clear();
  }
  if (!last_ || stage < stage_) return;
  if (refused_) return;
  last_.reset();
  pause_ = std::chrono::seconds(0);
  changed_ = now;
}

void HopHealth::Failed(const HopFailure& failure, HopStage stage, Time began,
                       Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  FailedLocked(failure, stage, began, now);
}

void HopHealth::FailedLocked(const HopFailure& failure, HopStage stage,
                             Time began, Time now) {
  // The test begins after the pause, and so after `changed_`.
  if (last_ ? began <= changed_ : began < changed_) return;
  // A test that fails earlier than the server did before shows nothing about
  // the later stage.
  stage_ = last_ ? std::max(stage_, stage) : stage;
  last_ = failure;
  refused_ = failure.kind == HopFailure::Kind::kCredentials;
  pause_ = PauseAfter(failure, pause_);
  until_ = now + pause_;
  changed_ = now;
}

void HopHealth::AuthFailed(const HopFailure& failure,
                           const std::optional<IpAddress>& client, Time began,
                           Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::optional<IpAddress> network = NetworkOf(client);
  auto found = std::find_if(refused_clients_.begin(), refused_clients_.end(),
                            [&network](const RefusedClient& each) {
                              return each.network == network;
                            });
  if (found == refused_clients_.end()) {
    // The one that has been there for the longest time makes room.
    if (refused_clients_.size() == kMaxRefusedClients) {
      refused_clients_.erase(refused_clients_.begin());
    }
    found = refused_clients_.emplace(refused_clients_.end());
    found->network = network;
  }
  // Transactions that began at the same time are one failure, as in Failed().
  if (began >= found->failed) {
    found->failure = failure;
    found->failed = now;
    found->pause = PauseAfter(failure, found->pause);
  }
  if (refused_clients_.size() == kMaxRefusedClients) {
    FailedLocked(failure, HopStage::kAuth, began, now);
  } else {
    EndedLocked(began, now);
  }
}

void HopHealth::Ended(Time began, Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  EndedLocked(began, now);
}

void HopHealth::EndedLocked(Time began, Time now) {
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
