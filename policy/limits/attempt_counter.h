// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface AttemptCounter, which counts AUTH attempts.

#ifndef POSTERN_POLICY_LIMITS_ATTEMPT_COUNTER_H_
#define POSTERN_POLICY_LIMITS_ATTEMPT_COUNTER_H_

#include <cstdint>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {

// Counts the failures of a client, and of a client for one user. AttemptLimits
// counts those of this process, and policy/shared/shared_attempts.h those of
// several servers.
//
// An answer is returned at once, or it is nullopt after a call of `later`. The
// Done that `later` returned must then be called exactly once, on any thread.
// `later` is valid until the function returns, and so are all arguments.
//
// Times are nanoseconds of any clock that does not go back. Thread-safe.
class AttemptCounter {
 public:
  using Done = absl::AnyInvocable<void(bool) &&>;
  using Later = absl::FunctionRef<Done()>;

  virtual ~AttemptCounter() = default;

  // Begins an attempt of a client. Answers whether the client may make one. If
  // so, the attempt counts as a failure of the client until Succeeded() says
  // otherwise. Therefore attempts at the same time cannot pass the limit, and
  // an attempt without a decision (an outage, a client that disconnects) counts
  // as well.
  virtual std::optional<bool> Begin(const std::optional<IpAddress>& address,
                                    int64_t now, Later later) = 0;
  // Answers whether the client may still try `user`. If not, Succeeded() would
  // answer false. For exchanges that show before their end that the client
  // knows the password. The attempt continues and still counts.
  virtual std::optional<bool> MayTry(const std::optional<IpAddress>& address,
                                     absl::string_view user, int64_t now,
                                     Later later) = 0;
  // The attempt failed because the credentials for `user` are wrong. `user`
  // must be the same text for each spelling of one user name: see
  // auth/user_key.h.
  virtual void Failed(const std::optional<IpAddress>& address,
                      absl::string_view user, int64_t now) = 0;
  // The credentials are correct. Answers whether the attempt may succeed.
  // Answers false if the client has failed too often for this user; the attempt
  // then counts as a failure, and a right guess looks like a wrong one.
  virtual std::optional<bool> Succeeded(const std::optional<IpAddress>& address,
                                        absl::string_view user, int64_t now,
                                        Later later) = 0;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_ATTEMPT_COUNTER_H_
