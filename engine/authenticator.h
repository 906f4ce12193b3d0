// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Authenticator port: who a client is, RFC 4954. Implementations live in
// auth/ and in whatever embeds postern.

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

// One SASL exchange. An object of its own for each AUTH, so that nothing of
// one attempt can leak into the next (CVE-2011-1720). Used by one thread at a
// time; destroyed when the exchange is over, in whatever way, but never while
// an answer is due.
class AuthExchange {
 public:
  using Done = absl::AnyInvocable<void(AuthMove) &&>;

  virtual ~AuthExchange() = default;

  // Each makes the server's next move, and calls `done` with it, once: before
  // returning, later, or from any thread. A Verdict refuses: 535 5.7.8 for bad
  // credentials; 454 4.7.0 where it cannot be told, never 535; 501 5.7.0 for an
  // initial response that the mechanism has no use for (RFC 4954 4). `done`
  // keeps the exchange alive: move it out of the exchange's own members to call
  // it, or neither ever goes.
  //
  // Start() comes first; an initial response may be present and empty.
  virtual void Start(std::optional<std::string> initial_response,
                     Done done) = 0;
  virtual void Respond(std::string response, Done done) = 0;

  // The user that the client has named so far, empty: none yet. It is nothing
  // but the client's word: for logs, and to count attempts by. Not while an
  // answer is due.
  virtual absl::string_view user() const { return ""; }

  // The identity that the client wants to act as (the authorization identity
  // of RFC 4422), where it has named one besides the user; empty: it has not.
  // It is the client's word again, and for logs. Not while an answer is due.
  virtual absl::string_view requested_identity() const { return ""; }
};

// The reply where it cannot be told who a client is: 454, and never 535, for
// which it would ask its user for another password (RFC 4954 6).
inline Reply CannotAuthenticate() {
  return {454, {4, 7, 0}, "cannot authenticate for now (#4.7.0)"};
}

// Begins exchanges. Shared by sessions where the transport has threads, and
// then thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // Begins an exchange by `mechanism`, which is one that the session's
  // ServerConfig offers. Never null. The session's facts are a snapshot, to be
  // kept as long as wanted.
  virtual std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_AUTHENTICATOR_H_
