// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One AUTH exchange with Cyrus SASL.

#ifndef POSTERN_AUTH_SASL_EXCHANGE_H_
#define POSTERN_AUTH_SASL_EXCHANGE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "auth/sasl_connection.h"
#include "auth/sasl_library.h"
#include "auth/sasl_options.h"
#include "engine/authenticator.h"
#include "engine/session_info.h"

namespace postern::auth {

// Answers before Start() and Respond() return. Both may block. Wipes the
// client's messages after use.
class SaslExchange : public AuthExchange {
 public:
  // `library` must outlive this object.
  SaslExchange(const SaslLibrary* library,
               std::shared_ptr<const SaslOptions> options,
               SaslMechanism mechanism, SharedSessionInfo session);

  void Start(std::optional<std::string> initial_response, Done done) override;
  void Respond(std::string response, Done done) override;
  absl::string_view user() const override;

 private:
  // Returns the answer to `step`, during which the library has logged `log`.
  AuthAnswer Judge(SaslConnection::Step step, const SaslLog& log);
  AuthAnswer Grant(SaslConnection::Step step);
  void Complain(int result, absl::string_view log) const;

  const SaslLibrary* const library_;
  const std::shared_ptr<const SaslOptions> options_;
  const SaslMechanism mechanism_;
  const SharedSessionInfo session_;
  std::optional<SaslConnection> connection_;  // set by Start()
  // Not empty after the client is authenticated, while the server waits for the
  // empty response to its last data.
  std::string identity_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_EXCHANGE_H_
