// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of AUTH (RFC 4954) as the driver of a ClientSession needs
// it: an account on a server, and the exchanges that authenticate it. auth/ has
// an implementation.

#ifndef POSTERN_ENGINE_CLIENT_EXCHANGE_H_
#define POSTERN_ENGINE_CLIENT_EXCHANGE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern {

// One SASL exchange. All octets are raw: ClientSession does the base64. Used by
// one thread at a time. Destroy it when the exchange is over, however it ended:
// other exchanges of the account may wait for this.
class ClientExchange {
 public:
  virtual ~ClientExchange() = default;

  // For ClientSession::Auth().
  virtual absl::string_view mechanism() const = 0;
  // Returns the initial response, or nullopt if the server sends the first
  // message. Called first, and once.
  virtual std::optional<std::string> Start() = 0;
  // Returns the response to a challenge. Returns nullopt if the exchange must
  // be cancelled, because the challenge is wrong: error() says why.
  virtual std::optional<std::string> Respond(absl::string_view challenge) = 0;
  // The server has replied 235. Returns false if the server must not be
  // believed, because it has not proved that it knows the password: error()
  // says why.
  virtual bool Accepted() = 0;
  // The server has refused the credentials, with a 5yz. Returns true if another
  // exchange of the account may succeed at once, with a new token.
  virtual bool Refused() = 0;
  // In a few words, printable. Never contains a secret. It may contain text of
  // the server, which is not for third parties. Empty if there is none.
  virtual std::string error() const = 0;
};

// An account on a server. Thread-safe.
class ClientAccount {
 public:
  // Takes the exchange, or why there is none.
  using Begun = absl::AnyInvocable<
      void(absl::StatusOr<std::unique_ptr<ClientExchange>>) &&>;

  virtual ~ClientAccount() = default;

  // Begins an exchange with the strongest mechanism that the account has and
  // the server offers: `offered` is the parameter of AUTH in its EHLO reply.
  // Calls `done` once, before returning or later, on any thread. The status is
  //
  //   kFailedPrecondition  the server offers no such mechanism
  //   kPermissionDenied    the server has just refused these credentials
  //   another              there is no token now
  //
  // and its message says why, in words that are not for third parties.
  virtual void Begin(const std::vector<std::string>& offered, Begun done) = 0;

  // Octets that change when the credentials do.
  virtual std::string version() const = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_EXCHANGE_H_
