// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/pace.h"

#include <algorithm>

namespace postern::transports {
namespace {

// Between two looks: a client at the limit is not looked at again and again.
constexpr std::chrono::seconds kStep{1};

}  // namespace

void Pace::Update(uint64_t message, bool our_turn, Time now, uint64_t octets) {
  if (options_.min_rate == 0) return;
  if (message != message_) {
    message_ = message;
    before_ = octets;
    spent_ = {};
    left_ = absl::ToChronoNanoseconds(options_.grace);
    deadline_ = Time::max();
  }
  if (message == 0) return;
  const bool was_ours = deadline_ == Time::max();
  if (our_turn == was_ours) return;
  if (our_turn) {
    spent_ += now - since_;
    left_ = std::max(deadline_ - now, Duration());
    deadline_ = Time::max();
  } else {
    since_ = now;
    deadline_ = now + left_;
  }
}

bool Pace::TooSlow(Time now, uint64_t octets) {
  if (now < deadline_) return false;
  const Duration spent = spent_ + (now - since_);
  // Of so many octets, how long they may have taken.
  const std::chrono::duration<double> allowed(
      static_cast<double>(octets - before_) /
      static_cast<double>(options_.min_rate));
  if (spent > allowed) return true;
  // A day is longer than a session: the sum stays in range.
  const auto ahead =
      std::min<std::chrono::duration<double>>(allowed, std::chrono::hours(24)) -
      spent;
  deadline_ = now + std::max(std::chrono::duration_cast<Duration>(ahead),
                             Duration(kStep));
  return false;
}

}  // namespace postern::transports
