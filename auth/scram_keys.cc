// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/scram_keys.h"

#include "auth/digest.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {

ScramKeys DeriveScramKeys(absl::string_view password, absl::string_view salt,
                          int iterations) {
  std::string salted = Pbkdf2Sha256(password, salt, iterations);
  std::string client_key = HmacSha256(salted, "Client Key");
  ScramKeys keys = {.iterations = iterations,
                    .salt = std::string(salt),
                    .stored_key = Sha256(client_key),
                    .server_key = HmacSha256(salted, "Server Key")};
  // Each of them is worth as much as the password.
  Wipe(&salted);
  Wipe(&client_key);
  return keys;
}

}  // namespace postern::auth
