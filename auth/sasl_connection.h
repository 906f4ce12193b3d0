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

// Needs a SaslLibrary that was started. Used by one thread at a time.
class SaslConnection {
 public:
  // `options` has a realm and outlives this. Of `session` the addresses and the
  // strength of TLS are told. With a `subject` EXTERNAL is there, and proves
  // it; else it is not.
  SaslConnection(const SaslOptions& options, const SessionInfo& session,
                 const std::string& subject);
  ~SaslConnection();
  SaslConnection(const SaslConnection&) = delete;
  SaslConnection& operator=(const SaslConnection&) = delete;

  // The mechanisms that can be used here, by the options of the library's own
  // file too. Before Start().
  std::vector<std::string> Mechanisms();

  // What came of a step.
  struct Step {
    SaslOutcome outcome = SaslOutcome::kCannotTell;
    int result = SASL_FAIL;  // the library's
    std::string bytes;       // to be sent: for kGoesOn, and for kProved
  };

  // Each may wait. Start() comes once and first, Respond() behind kGoesOn.
  Step Start(const std::string& mechanism,
             const std::optional<std::string>& initial_response);
  Step Respond(const std::string& response);

  // Behind kProved: who the client is. Empty: the library does not say, or it
  // has begun a security layer, which nobody here reads.
  std::string Identity() const;

  // Who the client says it is, written as identities are; empty: not known yet.
  // Nothing but its word. Lent until the next step.
  const std::string& user() const { return user_; }

 private:
  struct Callbacks;
  void Create(const SessionInfo& session, const std::string& subject);
  // Writes the identity that is meant by `sent`; returns SASL_OK or why not.
  int Canonical(absl::string_view sent, std::string* identity) const;
  void HearLoginName(const std::string& name);

  const SaslOptions& options_;
  const bool external_;
  bool is_text_ = false;  // the mechanism's messages have no place for a NUL
  // LOGIN's plug-in loses the memory that holds the password where the name is
  // refused behind it. So such a name is refused here instead.
  bool awaits_login_name_ = false;
  int login_name_ = SASL_OK;
  sasl_callback_t callbacks_[2];
  int created_ = SASL_FAIL;
  sasl_conn_t* connection_ = nullptr;
  std::string user_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_CONNECTION_H_
