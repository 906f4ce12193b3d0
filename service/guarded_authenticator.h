// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Limits, a delay and a log line for each AUTH attempt.

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
#include "policy/limits/attempt_counter.h"
#include "service/auth_outcome.h"

namespace postern::service {

// Writes one line to the log for each attempt, always with the address first:
//
//   auth result=failure ip=192.0.2.1 mechanism=PLAIN user=someone
//
// Every attempt without success counts for the client
// (policy::AttemptLimits::Limits::of_client). Wrong credentials also count for
// the user at this client. An outage does not count for the user: a checker
// that fails must not make right passwords look wrong.
//
// Every refusal is sent after the same delay. That includes outages, and
// challenges that say that the credentials are wrong (AuthChallenge::Reveals).
// The attempt is logged and counted before the delay, so a client gains nothing
// if it disconnects. If a client disconnects during an exchange, the attempt is
// logged and counted when the exchange is destroyed: as "unconfirmed" if the
// client has learned that its credentials are right, and otherwise as
// "cancelled".
//
// A client that has failed too often gets a 454 4.7.0, and the backend is not
// called. A client that has failed too often for one user gets the reply for
// wrong credentials from then on, whatever it sends, and in SCRAM no challenge
// that proves a right password.
//
// Thread-safe.
class GuardedAuthenticator : public Authenticator {
 public:
  struct Guard {
    policy::AttemptCounter* limits = nullptr;  // must outlive every exchange
    absl::Duration delay;
    // Runs a task after the given time, on any thread. If there is no room to
    // store the task, it may run on the calling thread.
    std::function<void(absl::Duration, absl::AnyInvocable<void() &&>)> after;
    std::function<int64_t()> now;  // nanoseconds, for the limits
    // Returns the text by which failures for `user` are counted: the same text
    // for each spelling of one user name (auth/user_key.h). Empty: the name
    // as sent.
    std::function<std::string(absl::string_view mechanism,
                              absl::string_view user)>
        user_key;
    // Called for each attempt. May be empty.
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
