// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One way to check credentials: a program, a library or a file of users.

#ifndef POSTERN_AUTH_BACKEND_H_
#define POSTERN_AUTH_BACKEND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/authenticator.h"

namespace postern::auth {

// Which names a backend treats as the same user.
enum class Spelling : uint8_t {
  // Names are compared without regard to case, as vchkpw and LDAP do, after the
  // steps of kPrepared. A program's rules are not known, so programs get this
  // value.
  kFolded,
  // Names are compared after SaslPrep() (auth/saslprep.h). Case matters.
  kPrepared,
};

// A SASL mechanism (RFC 4422) that a backend can offer.
struct Mechanism {
  std::string name;  // upper case
  // If true, a third party that reads the exchange learns enough to log in as
  // the user. Such a mechanism must not be offered without TLS.
  bool shows_secret = false;
  Spelling spelling = Spelling::kFolded;
};

// An Authenticator that has a list of mechanisms. Begin() returns null for a
// mechanism that is not in the list. Thread-safe.
//
// Its exchanges may block, for a disk, a process or another server, and call
// `done` before they return. An event loop must therefore use
// PooledAuthenticator (auth/pooled_authenticator.h).
class Backend : public Authenticator {
 public:
  // The mechanisms in the order in which they are offered. A client that has no
  // preference takes the first.
  virtual std::vector<Mechanism> mechanisms() const = 0;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_BACKEND_H_
