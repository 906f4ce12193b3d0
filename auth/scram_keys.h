// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a server keeps of a password for SCRAM-SHA-256: RFC 5802 3, RFC 7677.

#ifndef POSTERN_AUTH_SCRAM_KEYS_H_
#define POSTERN_AUTH_SCRAM_KEYS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// It does not tell the password, but to those who try many, and is no use to
// log in with. Who has it can pass for this server.
struct ScramKeys {
  int iterations = 0;
  std::string salt;
  std::string stored_key;  // kSha256Size octets, as the next
  std::string server_key;

  friend bool operator==(const ScramKeys&, const ScramKeys&) = default;
};

// Returns the keys of `password`, which is prepared (auth/saslprep.h).
ScramKeys DeriveScramKeys(absl::string_view password, absl::string_view salt,
                          int iterations);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SCRAM_KEYS_H_
