// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of SASL mechanisms: PLAIN (RFC 4616), LOGIN, SCRAM
// (RFC 5802, RFC 7677), OAUTHBEARER (RFC 7628) and XOAUTH2.

#ifndef POSTERN_AUTH_CLIENT_MECHANISMS_H_
#define POSTERN_AUTH_CLIENT_MECHANISMS_H_

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "auth/digest.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {

// SCRAM's salted password, which costs as much time as the server asks for. It
// is the same in each exchange, unless the password of the user changes at the
// server (RFC 5802 5.1). Thread-safe.
class SaltedPassword {
 public:
  std::string Of(Hash hash, absl::string_view password, absl::string_view salt,
                 int iterations);

 private:
  std::mutex mutex_;  // guards the members below
  std::string of_;    // what salted_ was made from, except the password
  Secret salted_;
};

// What an exchange needs. All pointers must outlive it.
struct ClientLogin {
  absl::string_view user;
  absl::string_view secret;  // the password, or the token
  SaltedPassword* salted = nullptr;
  // SCRAM's nonce. If null: 18 random octets in base64.
  std::function<std::string()> nonce = nullptr;
};

// The messages of one exchange with one mechanism.
class ClientMechanism {
 public:
  virtual ~ClientMechanism() = default;
  // As in ClientExchange.
  virtual std::optional<std::string> Start() = 0;
  virtual std::optional<std::string> Respond(absl::string_view challenge) = 0;
  // Returns whether the server has proved what the mechanism demands of it.
  virtual bool proved() const { return true; }
  const std::string& error() const { return error_; }

 protected:
  std::string error_;
};

struct ClientMechanismRow {
  absl::string_view name;
  bool token;  // needs a token, otherwise a password
  std::unique_ptr<ClientMechanism> (*make)(const ClientLogin& login);
};

// SCRAM iterations of a server, at most. They take 0.15 seconds, in which the
// event loop does nothing else.
inline constexpr int kMaxClientIterations = 600'000;

// Returns all mechanisms, the strongest one first. With PLAIN and LOGIN the
// server, and with OAUTHBEARER and XOAUTH2 each reader, learns the secret, so
// the caller must know the server and use TLS, except within a machine.
absl::Span<const ClientMechanismRow> ClientMechanisms();

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CLIENT_MECHANISMS_H_
