// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface Authenticator, which authenticates clients: RFC 4954. auth/ has
// implementations; an embedder may have its own.

#ifndef POSTERN_ENGINE_AUTHENTICATOR_H_
#define POSTERN_ENGINE_AUTHENTICATOR_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern {

// One SASL exchange. Each AUTH gets its own object, so that nothing of one
// attempt can leak into the next (CVE-2011-1720). Used by one thread at a time.
// Destroyed when the exchange is over, however it ends, but never while an
// answer is due.
class AuthExchange {
 public:
  // Takes an answer. Call it once, on any thread.
  using Done = absl::AnyInvocable<void(AuthAnswer) &&>;

  virtual ~AuthExchange() = default;

  // Each computes the server's answer and calls `done` with it exactly once:
  // before returning or later, on any thread. A Verdict refuses: 535 5.7.8 for
  // wrong credentials; 454 4.7.0 if the credentials cannot be checked, never
  // 535; 501 5.7.0 for an initial response that the mechanism does not take
  // (RFC 4954 4). `done` keeps the exchange alive: move it out of a member of
  // the exchange before calling it, otherwise the two own each other and leak.
  //
  // Start() is called first. An initial response may be present and empty.
  virtual void Start(std::optional<std::string> initial_response,
                     Done done) = 0;
  virtual void Respond(std::string response, Done done) = 0;

  // The user name that the client has claimed so far, or empty. It is not
  // verified: use it for logs and for limits on attempts. Not callable while an
  // answer is due.
  virtual absl::string_view user() const { return ""; }

  // The identity that the client wants to act as (the authorization identity of
  // RFC 4422), if it has named one in addition to the user, or empty. It is not
  // verified: use it for logs. Not callable while an answer is due.
  virtual absl::string_view requested_identity() const { return ""; }
};

// The reply if the credentials cannot be checked: 454, never 535, because after
// a 535 the client asks its user for another password (RFC 4954 6).
inline Reply CannotAuthenticate() {
  return {454, {4, 7, 0}, "cannot authenticate for now (#4.7.0)"};
}

// Creates exchanges. Must be thread-safe if the driver shares it between
// threads.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // Begins an exchange with `mechanism`, which the session's ServerConfig
  // offers. Never returns null. `session` is a snapshot that may be kept.
  virtual std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_AUTHENTICATOR_H_
