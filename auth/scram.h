// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677). Neither a third
// party that reads the exchange nor the server learns enough to log in as the
// user. The client learns that the server knows its password.
//
//   C: n,,n=user,r=CLIENT-NONCE
//   S: r=CLIENT-NONCE-AND-OURS,s=SALT,i=ITERATIONS
//   C: c=biws,r=CLIENT-NONCE-AND-OURS,p=PROOF
//   S: v=SIGNATURE            a challenge, since a 235 has no data (RFC 4954 4)
//   C:                        an empty response
//
// Channel binding is not supported. If a server offered SCRAM-SHA-256-PLUS as
// well, it would have to refuse the "y" with which a client says that it was
// not offered.

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

// Finds the SCRAM keys of users.
class ScramSource {
 public:
  struct Found {
    ScramKeys keys;
    std::string identity;  // the user's identity; empty if no user has the keys
  };

  virtual ~ScramSource() = default;

  // Returns the keys of `user`, a name as the client sent it. For a user that
  // does not exist, returns made-up keys that do not change and look like those
  // of other users, without an identity. The exchange then continues as with a
  // wrong password. Returns nullopt during an outage. May block. Thread-safe.
  virtual std::optional<Found> FindScram(absl::string_view user) = 0;
};

// Returns an exchange that answers before its calls return:
//
//   AuthGranted         if the proof is that of the user; with the identity
//                       from `source`
//   WrongCredentials()  if the proof is wrong; the user does not exist; the
//                       authorization identity is not the user; the nonce or
//                       the GS2 header is not repeated
//   Malformed()         if a message does not follow RFC 5802 7, has the
//                       reserved "m=", or has a channel binding
//   Outage()            if `source` returns nullopt
//
// `source` must outlive the exchange. `nonce` returns the server's part of the
// nonce, in the characters of RFC 5802 7. If null: 18 random octets in base64.
std::unique_ptr<AuthExchange> MakeScramExchange(
    ScramSource* source, std::function<std::string()> nonce = nullptr);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SCRAM_H_
