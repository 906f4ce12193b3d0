// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// AUTH with bearer tokens.

#ifndef POSTERN_AUTH_BEARER_BACKEND_H_
#define POSTERN_AUTH_BEARER_BACKEND_H_

#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "auth/backend.h"
#include "auth/token_checker.h"

namespace postern::auth {

// Offers OAUTHBEARER, and XOAUTH2 for clients that do not support OAUTHBEARER.
class BearerBackend : public Backend {
 public:
  // `checker` must not be null.
  explicit BearerBackend(std::unique_ptr<TokenChecker> checker);

  std::vector<Mechanism> mechanisms() const override;
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  const std::unique_ptr<TokenChecker> checker_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_BEARER_BACKEND_H_
