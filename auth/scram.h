// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The server's side of SCRAM-SHA-256: RFC 5802, RFC 7677. Neither a listener
// nor the server learns what it takes to come back as the user, and the client
// learns that the server knows its password.
//
//   C: n,,n=user,r=CLIENT-NONCE
//   S: r=CLIENT-NONCE-AND-OURS,s=SALT,i=ITERATIONS
//   C: c=biws,r=CLIENT-NONCE-AND-OURS,p=PROOF
//   S: v=SIGNATURE            a challenge, to which the client has to say
//   C:                        nothing, since a 235 has no data (RFC 4954 4)
//
// Without channel binding: whoever offers SCRAM-SHA-256-PLUS beside it must
// refuse the "y" with which a client says that it was not offered.

#ifndef POSTERN_AUTH_SCRAM_H_
#define POSTERN_AUTH_SCRAM_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "auth/scram_keys.h"
#include "engine/authenticator.h"

namespace postern::auth {

// Knows users' keys.
class ScramSource {
 public:
  struct Found {
    ScramKeys keys;
    std::string identity;  // that others know the user by; empty: none has it
  };

  virtual ~ScramSource() = default;

  // Returns the keys of `user`, which is named as sent. Who does not exist has
  // keys, too, the same each time and such as others have, and no identity: the
  // exchange goes on as with a wrong password. nullopt: nobody can tell for
  // now. May wait. Thread-safe.
  virtual std::optional<Found> FindScram(absl::string_view user) = 0;
};

// Returns an exchange that answers before each call returns:
//
//   AuthGranted         by the user's own proof alone, with the identity that
//                       `source` has for it
//   WrongCredentials()  a wrong proof; no such user; another authzid than the
//                       user; a nonce or a GS2 header that is not repeated
//   Malformed()         what RFC 5802 7 does not have a client send; the
//                       reserved "m="; a channel binding that was not offered
//   CannotTell()        `source` cannot
//
// `source` must outlive it. `nonce` makes our part of the nonce, characters as
// RFC 5802 7 has them; null: 18 random octets in base64.
std::unique_ptr<AuthExchange> MakeScramExchange(
    ScramSource* source, std::function<std::string()> nonce = nullptr);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SCRAM_H_
