// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Evaluates the answer of an authorization server about a token (RFC 7662 2.2).

#ifndef POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_H_
#define POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::programs {

struct IntrospectionRules {
  std::string claim = "username";  // the claim with the identity
  std::string audience;            // that the token must have; empty: any
  std::string scope;               // that the token must have; empty: any
};

// Returns the user to which the token was issued, according to `json`, the
// server's answer: one line without control characters.
//
// Returns kPermissionDenied if the token is not valid here:
// - it is not active;
// - one of the members "token_type", "token_use" and "typ", which are optional,
//   says that it is not a bearer access token;
// - it is bound to a key ("cnf");
// - it lacks the audience ("aud", a string or an array of strings) or the
//   scope;
// - it belongs to no user, because the claim is missing, or the claim is
//   "email" and "email_verified" is false.
//
// Returns kDataLoss if the answer does not follow RFC 7662. The messages
// contain no part of the token.
//
// Members that "active" covers, such as "exp", "nbf" and "iat", are not
// checked, and neither are "iss" and "client_id".
absl::StatusOr<std::string> ReadIntrospection(absl::string_view json,
                                              const IntrospectionRules& rules);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_INTROSPECT_INTROSPECTION_H_
