// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What stands between clients and an Authenticator: limits, a delay, the log.

#ifndef POSTERN_SERVICE_GUARDED_AUTHENTICATOR_H_
#define POSTERN_SERVICE_GUARDED_AUTHENTICATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/authenticator.h"
#include "policy/limits/attempt_limits.h"
#include "service/auth_outcome.h"

namespace postern::service {

// Writes one line to the log for each attempt, always with the address first:
//
//   auth result=failure ip=192.0.2.1 mechanism=PLAIN user=someone
//
// No outcome of an attempt is free. Each but a success counts against the
// client (policy::AttemptLimits::of_client); wrong credentials count against
// the client for the user as well. An outage does not: a checker that fails
// must not make right passwords look wrong. Every refusal is sent after the
// same delay, an outage's and a challenge that says that the credentials are
// wrong (AuthChallenge::Reveals) among them; the attempt is logged and counted
// before that, so that a client gains nothing by leaving. A client that leaves
// in the middle is logged and counted when its exchange is destroyed, as
// "unconfirmed" where it has seen that its credentials are right, and as
// "cancelled" where it has learned nothing.
//
// A client that has failed too often gets a 454 4.7.0, and the backend is not
// asked. One that has failed too often for a user gets from then on the reply
// to a wrong password, whatever it sends, and in SCRAM no challenge that says
// otherwise.
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
    // Returns what failures for `user` are counted by: the same text for each
    // way to spell one user (auth/account_key.h). Empty: the name as sent.
    std::function<std::string(absl::string_view mechanism,
                              absl::string_view user)>
        account;
    // Called for each attempt; may be empty.
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

}  // namespace postern::service

#endif  // POSTERN_SERVICE_GUARDED_AUTHENTICATOR_H_
