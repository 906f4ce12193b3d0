// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One AUTH by Cyrus SASL.

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

// Answers before Start() and Respond() return, which may wait. What the client
// has sent is wiped once it was looked at.
class SaslExchange : public AuthExchange {
 public:
  // `library` outlives this.
  SaslExchange(const SaslLibrary* library,
               std::shared_ptr<const SaslOptions> options,
               SaslMechanism mechanism, SharedSessionInfo session);

  void Start(std::optional<std::string> initial_response, Done done) override;
  void Respond(std::string response, Done done) override;
  absl::string_view user() const override;

 private:
  // Returns the move behind `step`, during which the library has said `log`.
  AuthMove Judge(SaslConnection::Step step, const SaslLog& log);
  AuthMove Grant(SaslConnection::Step step);
  void Complain(int result, absl::string_view log) const;

  const SaslLibrary* const library_;
  const std::shared_ptr<const SaslOptions> options_;
  const SaslMechanism mechanism_;
  const SharedSessionInfo session_;
  std::optional<SaslConnection> connection_;  // from Start() on
  // Proved, but for the client's word that it has read our last bytes.
  std::string identity_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_EXCHANGE_H_
