// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of an exchange, by Cyrus SASL's own.

#ifndef POSTERN_AUTH_SASL_TEST_CLIENT_H_
#define POSTERN_AUTH_SASL_TEST_CLIENT_H_

#include <sasl/sasl.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/authenticator.h"
#include "engine/verdict.h"

namespace postern::auth {

struct SaslTestUser {
  std::string name;
  std::string password;
  std::string authorize_as;  // empty: as whom it is
};

class SaslTestClient {
 public:
  // Starts an exchange with the server mx.example.org.
  SaslTestClient(const std::string& mechanism, SaslTestUser user);
  ~SaslTestClient();
  SaslTestClient(const SaslTestClient&) = delete;
  SaslTestClient& operator=(const SaslTestClient&) = delete;

  // Absent: the server is first.
  const std::optional<std::string>& initial_response() const {
    return initial_response_;
  }
  // Returns what to say to `challenge`; nullopt if it proves no server that
  // knows the password.
  std::optional<std::string> Respond(const std::string& challenge);

 private:
  struct Callbacks;

  const SaslTestUser user_;
  std::string secret_;  // a sasl_secret_t
  sasl_callback_t callbacks_[5];
  sasl_conn_t* connection_ = nullptr;
  std::optional<std::string> initial_response_;
};

// Make one move, whose answer must come at once.
AuthMove StartNow(AuthExchange* exchange,
                  const std::optional<std::string>& initial_response);
AuthMove RespondNow(AuthExchange* exchange, const std::string& response);

// Returns "granted IDENTITY", "challenge BYTES", or code and enhanced code of a
// refusal: "535 5.7.8".
std::string Describe(const AuthMove& move);

// Plays the exchange to its end, with an initial response if it is wanted and
// the mechanism has one. Returns the last move, described.
std::string Play(AuthExchange* exchange, SaslTestClient* client,
                 bool initial = true);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_TEST_CLIENT_H_
