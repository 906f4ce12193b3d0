// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The mechanisms for which a TokenChecker checks the token: OAUTHBEARER
// (RFC 7628), and its predecessor XOAUTH2, which has no RFC. With ^A for the
// octet 1:
//
//   C: n,a=user@x.example,^Ahost=mx.x.example^Aport=587^Aauth=Bearer TOKEN^A^A
//   C: user=user@x.example^Aauth=Bearer TOKEN^A^A
//
// A third party that reads the token can use it. Both mechanisms therefore need
// TLS.

#ifndef POSTERN_AUTH_BEARER_EXCHANGE_H_
#define POSTERN_AUTH_BEARER_EXCHANGE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "auth/token_checker.h"
#include "engine/authenticator.h"
#include "engine/session_info.h"

namespace postern::auth {

// The content of a client's message. `token` is valid while the message is.
struct BearerMessage {
  std::string user;         // empty if the message has no name
  absl::string_view token;  // empty if the message has no token
};

// Parses a message of OAUTHBEARER (RFC 7628 3.1). Returns nullopt if the
// message has
// - a channel binding, which the mechanism does not support; a "y", with which
//   a client says that it supports channel binding, is accepted;
// - a name that is empty, is not UTF-8, or has control characters;
// - a value with octets that the RFC does not allow, or a key twice;
// - something other than a bearer token in "auth".
//
// The other keys, such as host and port, are not checked: the checker decides
// for which service a token is valid. If "auth" is missing or empty, the result
// has no token. Clients send such a message to learn what the server requires
// (RFC 7628 4.3).
std::optional<BearerMessage> ParseOauthBearer(absl::string_view message);

// Parses a message of XOAUTH2, which has a user and a token with the same
// rules, and nothing else.
std::optional<BearerMessage> ParseXoauth2(absl::string_view message);

// Returns an exchange that calls `done` before its calls return, or null if
// `mechanism` is neither of the two. `checker` must outlive the exchange. The
// exchange wipes secrets after use. Its answer is
//
//   AuthGranted         with the identity that the checker returns for the
//                       token. If the client named a user, that name must
//                       equal the identity, except for the case of ASCII
//                       letters.
//   WrongCredentials()  if the token is wrong, missing or for another user.
//                       The client first gets a challenge,
//                       {"status":"invalid_token",...}. Its response does
//                       not matter, because the exchange has already failed.
//   Outage()            if the checker cannot decide
//   Malformed()         if the message cannot be parsed
std::unique_ptr<AuthExchange> MakeBearerExchange(
    absl::string_view mechanism, TokenChecker* checker,
    const SharedSessionInfo& session);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_BEARER_EXCHANGE_H_
