// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a server stores of a password for SCRAM-SHA-256 (RFC 5802 3, RFC 7677).

#ifndef POSTERN_AUTH_SCRAM_KEYS_H_
#define POSTERN_AUTH_SCRAM_KEYS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// The keys do not contain the password, but allow guesses to be tested. A
// client cannot log in with them. A server that has them can pass as this
// server.
struct ScramKeys {
  int iterations = 0;
  std::string salt;
  std::string stored_key;  // kSha256Size octets, as is server_key
  std::string server_key;

  friend bool operator==(const ScramKeys&, const ScramKeys&) = default;
};

// Returns the keys of `password`, which must be a result of SaslPrep().
ScramKeys DeriveScramKeys(absl::string_view password, absl::string_view salt,
                          int iterations);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SCRAM_KEYS_H_
