// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of an exchange, with the client library of Cyrus SASL.

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
  std::string authorize_as;  // if empty, as `name`
};

class SaslTestClient {
 public:
  // Starts an exchange with the server mx.example.org.
  SaslTestClient(const std::string& mechanism, SaslTestUser user);
  ~SaslTestClient();
  SaslTestClient(const SaslTestClient&) = delete;
  SaslTestClient& operator=(const SaslTestClient&) = delete;

  // nullopt: the server sends the first message.
  const std::optional<std::string>& initial_response() const {
    return initial_response_;
  }
  // Returns the response to `challenge`, or nullopt if the challenge does not
  // prove that the server knows the password.
  std::optional<std::string> Respond(const std::string& challenge);

 private:
  struct Callbacks;

  const SaslTestUser user_;
  std::string secret_;  // a sasl_secret_t
  sasl_callback_t callbacks_[5];
  sasl_conn_t* connection_ = nullptr;
  std::optional<std::string> initial_response_;
};

// Start() and Respond() of an exchange that must answer before they return.
AuthAnswer StartNow(AuthExchange* exchange,
                    const std::optional<std::string>& initial_response);
AuthAnswer RespondNow(AuthExchange* exchange, const std::string& response);

// Returns "granted IDENTITY", "challenge BYTES", or code and enhanced code of a
// refusal: "535 5.7.8".
std::string Describe(const AuthAnswer& answer);

// Runs the exchange to its end, with an initial response if `initial` is true
// and the mechanism has one. Returns Describe() of the last answer.
std::string Play(AuthExchange* exchange, SaslTestClient* client,
                 bool initial = true);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_TEST_CLIENT_H_
