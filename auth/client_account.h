// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The account of this server on another one.

#ifndef POSTERN_AUTH_CLIENT_ACCOUNT_H_
#define POSTERN_AUTH_CLIENT_ACCOUNT_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "auth/client_credentials.h"
#include "auth/token_source.h"
#include "engine/client_exchange.h"
#include "system/run.h"

namespace postern::auth {

struct ClientAccountOptions {
  ClientCredentials credentials;
  // Gets a token for credentials with a command. Blocks.
  std::function<absl::StatusOr<BearerToken>()> ask_for_token;
  // Runs `ask_for_token` on another thread.
  system::Run run;
  std::function<absl::Time()> now;
};

// The time that a token command may take.
inline constexpr absl::Duration kTokenTimeout = absl::Seconds(30);

// Until the server has accepted the credentials once, and again after a
// refusal, one exchange is in progress at a time, and the others wait. If it is
// refused, those that wait fail without asking the server. So wrong credentials
// cost one attempt, however many connections are being opened: a server may
// lock an account after a few of them.
//
// A token is kept until its lifetime is over or the server refuses it. One
// program runs at a time, and the exchanges wait for it.
std::shared_ptr<ClientAccount> MakeClientAccount(ClientAccountOptions options);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CLIENT_ACCOUNT_H_
