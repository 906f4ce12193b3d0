// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/bearer_backend.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "auth/refusal.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

class Nobody : public TokenChecker {
 public:
  AuthAnswer Check(const TokenCredentials&, const SessionInfo&) override {
    return WrongCredentials();
  }
};

TEST(BearerBackendTest, AllMechanismsNeedTls) {
  BearerBackend backend(std::make_unique<Nobody>());
  const auto session = std::make_shared<const SessionInfo>();
  std::string names;
  for (const Mechanism& mechanism : backend.mechanisms()) {
    absl::StrAppend(&names, mechanism.name, mechanism.shows_secret ? "! " : "");
    EXPECT_NE(backend.Begin(mechanism.name, session), nullptr);
  }
  EXPECT_EQ(names, "OAUTHBEARER! XOAUTH2! ");
  EXPECT_EQ(backend.Begin("PLAIN", session), nullptr);
}

}  // namespace
}  // namespace postern::auth
