// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Something that knows who clients are: a program, a library, a file of users.

#ifndef POSTERN_AUTH_BACKEND_H_
#define POSTERN_AUTH_BACKEND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/authenticator.h"

namespace postern::auth {

// What a backend takes for one user, however a client spells the name.
enum class Spelling : uint8_t {
  // Any case of letters, as vchkpw and LDAP have it, and what kPrepared says.
  // Nothing is known of a program, so this is what it gets.
  kFolded,
  // What SaslPrep() (auth/saslprep.h) makes of the name; case matters.
  kPrepared,
};

// A SASL mechanism (RFC 4422) that can be offered.
struct Mechanism {
  std::string name;  // upper case
  // Whoever listens learns what it takes to come back as the same user: not to
  // be offered in the clear.
  bool shows_secret = false;
  Spelling spelling = Spelling::kFolded;
};

// An Authenticator that says which mechanisms it serves. Thread-safe.
//
// Its exchanges may wait, for a disk, a process or another server, and call
// `done` before they return: see PooledAuthenticator for those who may not wait
// (auth/pooled_authenticator.h).
class Backend : public Authenticator {
 public:
  // In the order in which they are offered: clients that have no preference of
  // their own take the first.
  virtual std::vector<Mechanism> mechanisms() const = 0;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_BACKEND_H_
