// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The mechanisms that bring a TokenChecker what it checks: OAUTHBEARER (RFC
// 7628) and XOAUTH2, its forerunner, which has no RFC. With ^A for the octet 1:
//
//   C: n,a=user@x.example,^Ahost=mx.x.example^Aport=587^Aauth=Bearer TOKEN^A^A
//   C: user=user@x.example^Aauth=Bearer TOKEN^A^A
//
// A token is a password for whoever has it: neither is for the clear.

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

// What a client's message says. The view lives as long as the message.
struct BearerMessage {
  std::string user;         // empty: none is named
  absl::string_view token;  // empty: none is sent
};

// Reads a message of OAUTHBEARER (RFC 7628 3.1). Returns nullopt for what is
// none: a channel binding, which the mechanism has none of ("y", by which a
// client says that it could, is let pass); a name that is empty, no UTF-8 or
// has control characters; a value with octets that it may not have; a key
// twice; anything but a bearer token in "auth". The other keys, host and port
// among them, are let pass whatever they say: who the token is for is the
// checker's business. A message without "auth", or with nothing in it, has no
// token: clients ask so for what is wanted (RFC 7628 4.3).
std::optional<BearerMessage> ParseOauthBearer(absl::string_view message);

// Reads a message of XOAUTH2: a user and a token, as above, and nothing else.
std::optional<BearerMessage> ParseXoauth2(absl::string_view message);

// Returns an exchange that calls `done` before it returns; null for another
// mechanism than these two. `checker` must outlive it. Secrets are wiped behind
// use.
//
//   AuthGranted         with the identity that the checker has for the token,
//                       if the client has named nobody else; names are alike
//                       but for the case of ASCII letters
//   WrongCredentials()  otherwise, and without a token. Before it comes a
//                       challenge, {"status":"invalid_token",...}, which the
//                       client answers in whatever way: it has failed by then
//   CannotTell()        the checker cannot
//   Malformed()         what is no such message
std::unique_ptr<AuthExchange> MakeBearerExchange(
    absl::string_view mechanism, TokenChecker* checker,
    const SharedSessionInfo& session);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_BEARER_EXCHANGE_H_
