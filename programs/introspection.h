// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What an authorization server says of a token: RFC 7662 2.2.

#ifndef POSTERN_PROGRAMS_INTROSPECTION_H_
#define POSTERN_PROGRAMS_INTROSPECTION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::programs {

struct IntrospectionRules {
  std::string claim = "username";  // whose value is the identity
  std::string scope;               // that the token must have; empty: any
};

// Returns whose the token is by the server's answer, a JSON object: one line
// without control characters.
//
// kPermissionDenied: the token is good for nothing here: it is not active, has
// not the scope, belongs to no user (the claim is missing), or by the claim
// "email" to one of whom "email_verified" is false. kDataLoss: this is no such
// answer. Neither message holds anything of the token.
absl::StatusOr<std::string> ReadIntrospection(absl::string_view json,
                                              const IntrospectionRules& rules);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_INTROSPECTION_H_
