// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What an authorization server says of a token: RFC 7662 2.2.

#ifndef POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_H_
#define POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::programs {

struct IntrospectionRules {
  std::string claim = "username";  // whose value is the identity
  std::string audience;            // that the token must be for; empty: any
  std::string scope;               // that the token must have; empty: any
};

// Returns whose the token is by the server's answer, a JSON object: one line
// without control characters.
//
// kPermissionDenied: the token is good for nothing here. It is not active; one
// of the members "token_type", "token_use" and "typ", which servers may leave
// out, says that it is no access token for bearers; it is bound to a key
// ("cnf"); it is not for the audience ("aud", a string or an array of them); it
// has not the scope; it belongs to no user (the claim is missing), or by the
// claim "email" to one of whom "email_verified" is false. kDataLoss: this is no
// such answer. Neither message holds anything of the token.
//
// Not looked at: "exp", "nbf", "iat" and the like, of which "active" is the
// sum; "iss" and "client_id".
absl::StatusOr<std::string> ReadIntrospection(absl::string_view json,
                                              const IntrospectionRules& rules);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_H_
