// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What stands between clients and an Authenticator: limits, a delay, the log.

#ifndef POSTERN_PROGRAMS_GUARDED_AUTHENTICATOR_H_
#define POSTERN_PROGRAMS_GUARDED_AUTHENTICATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/authenticator.h"
#include "policy/attempt_limits.h"
#include "programs/auth_outcome.h"

namespace postern::programs {

// Writes one line to the log for each attempt that comes to an end, always with
// the address first:
//
//   auth result=failure ip=192.0.2.1 mechanism=PLAIN user=someone
//
// and refuses a client that has failed too often (454 4.7.0) without asking;
// one that has failed too often for a user hears from then on that the password
// is wrong, whatever it is, and in SCRAM no challenge that says otherwise.
// Whatever refuses for a reason that guessing could tell apart comes late by
// the same delay.
//
// Thread-safe.
class GuardedAuthenticator : public Authenticator {
 public:
  struct Guard {
    policy::AttemptLimits* limits = nullptr;  // outlives every exchange
    absl::Duration delay;
    // Runs a task so much later, on any thread. Without a place for it to wait
    // it may be run by the caller.
    std::function<void(absl::Duration, absl::AnyInvocable<void() &&>)> after;
    std::function<int64_t()> now;  // nanoseconds, for the limits
    // Hears of each attempt; may be empty.
    std::function<void(absl::string_view mechanism, AuthOutcome)> count;
  };

  GuardedAuthenticator(std::shared_ptr<Authenticator> authenticator,
                       Guard guard);

  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  const std::shared_ptr<Authenticator> authenticator_;
  const std::shared_ptr<const Guard> guard_;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_GUARDED_AUTHENTICATOR_H_
