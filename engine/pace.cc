// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/pace.h"

#include <algorithm>

namespace postern {
namespace {

// The least time between two checks, so that a client at the limit is not
// checked again and again.
constexpr absl::Duration kStep = absl::Seconds(1);

}  // namespace

void Pace::Update(uint64_t message, bool our_turn, Instant now,
                  uint64_t octets) {
  if (options_.min_rate == 0) return;
  if (message != message_) {
    message_ = message;
    before_ = octets;
    spent_ = absl::ZeroDuration();
    left_ = options_.grace;
    deadline_ = Instant::Never();
  }
  if (message == 0) return;
  const bool was_ours = deadline_ == Instant::Never();
  if (our_turn == was_ours) return;
  if (our_turn) {
    spent_ += now - since_;
    left_ = std::max(deadline_ - now, absl::ZeroDuration());
    deadline_ = Instant::Never();
  } else {
    since_ = now;
    deadline_ = now + left_;
  }
}

bool Pace::TooSlow(Instant now, uint64_t octets) {
  if (now < deadline_) return false;
  const absl::Duration spent = spent_ + (now - since_);
  // The time that `octets` may have taken.
  const double allowed = static_cast<double>(octets - before_) /
                         static_cast<double>(options_.min_rate);
  if (absl::ToDoubleSeconds(spent) > allowed) return true;
  // At most a day, so that the sum stays in range.
  const absl::Duration ahead =
      absl::Seconds(std::min(allowed, 24.0 * 60 * 60)) - spent;
  deadline_ = now + std::max(ahead, kStep);
  return false;
}

}  // namespace postern
