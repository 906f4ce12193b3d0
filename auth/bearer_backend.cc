// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/bearer_backend.h"

#include <utility>

#include "auth/bearer_exchange.h"

namespace postern::auth {

BearerBackend::BearerBackend(std::unique_ptr<TokenChecker> checker)
    : checker_(std::move(checker)) {}

std::vector<Mechanism> BearerBackend::mechanisms() const {
  return {{.name = "OAUTHBEARER", .shows_secret = true},
          {.name = "XOAUTH2", .shows_secret = true}};
}

std::unique_ptr<AuthExchange> BearerBackend::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  return MakeBearerExchange(mechanism, checker_.get(), session);
}

}  // namespace postern::auth
