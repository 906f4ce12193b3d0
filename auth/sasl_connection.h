// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The library's side of one exchange.

#ifndef POSTERN_AUTH_SASL_CONNECTION_H_
#define POSTERN_AUTH_SASL_CONNECTION_H_

#include <sasl/sasl.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "auth/sasl_options.h"
#include "auth/sasl_result.h"
#include "engine/session_info.h"

namespace postern::auth {

// A connection object of Cyrus SASL. SaslLibrary must be started. Use it from
// one thread at a time.
class SaslConnection {
 public:
  // `options` must have a realm and outlive this object. The library gets the
  // addresses of `session` and the strength of its TLS. If `subject` is not
  // empty, EXTERNAL is available and authenticates it.
  SaslConnection(const SaslOptions& options, const SessionInfo& session,
                 const std::string& subject);
  ~SaslConnection();
  SaslConnection(const SaslConnection&) = delete;
  SaslConnection& operator=(const SaslConnection&) = delete;

  // Returns the mechanisms that can be used here. The options in the library's
  // own file also limit them. Call it before Start().
  std::vector<std::string> Mechanisms();

  // The result of a step.
  struct Step {
    SaslOutcome outcome = SaslOutcome::kOutage;
    int result = SASL_FAIL;  // the library's result code
    std::string bytes;       // to send, if kGoesOn or kProved
  };

  // Both may block. Start() is called first and once, Respond() after each
  // kGoesOn.
  Step Start(const std::string& mechanism,
             const std::optional<std::string>& initial_response);
  Step Respond(const std::string& response);

  // Returns the client's identity after kProved. Returns the empty string if
  // the library does not know it, or if it has begun a security layer, which
  // this server does not support.
  std::string Identity() const;

  // The name that the client claims, in the form of an identity; empty if not
  // yet known. It is not proved. Valid until the next step.
  const std::string& user() const { return user_; }

 private:
  struct Callbacks;
  void Create(const SessionInfo& session, const std::string& subject);
  // Sets `identity` to the identity for the name `sent`. Returns SASL_OK or the
  // reason for a refusal.
  int Canonical(absl::string_view sent, std::string* identity) const;
  void CheckLoginName(const std::string& name);

  const SaslOptions& options_;
  const bool external_;
  bool is_text_ = false;  // messages of the mechanism may not contain NUL
  // If the name is refused after the password has arrived, LOGIN's plug-in
  // leaks the memory that holds the password. Such a name is therefore refused
  // before the password reaches the plug-in.
  bool awaits_login_name_ = false;
  int login_name_ = SASL_OK;
  sasl_callback_t callbacks_[2];
  int created_ = SASL_FAIL;
  sasl_conn_t* connection_ = nullptr;
  std::string user_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_CONNECTION_H_
