// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/named_session.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/authenticator.h"
#include "engine/session_info.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

class Exchange : public AuthExchange {
 public:
  void Start(std::optional<std::string>, Done done) override {
    std::move(done)(AuthGranted{"u"});
  }
  void Respond(std::string, Done done) override {
    std::move(done)(AuthGranted{"u"});
  }
  absl::string_view user() const override { return "u"; }
  absl::string_view requested_identity() const override { return "boss"; }
};

class Granting : public Authenticator {
 public:
  std::unique_ptr<AuthExchange> Begin(absl::string_view mechanism,
                                      const SharedSessionInfo&) override {
    if (mechanism != "PLAIN") return nullptr;
    return std::make_unique<Exchange>();
  }
};

// What limits and logs an attempt asks the exchange who it is about.
TEST(NamedSessionTest, AnExchangeSaysWhatTheOneWithinSays) {
  const auto named = NameSessions(std::make_shared<Granting>());
  const auto session = std::make_shared<const SessionInfo>();
  EXPECT_EQ(named->Begin("LOGIN", session), nullptr);
  const auto exchange = named->Begin("PLAIN", session);
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(exchange->user(), "u");
  EXPECT_EQ(exchange->requested_identity(), "boss");
  bool granted = false;
  exchange->Start(std::nullopt, [&granted](AuthMove move) {
    granted = std::holds_alternative<AuthGranted>(move);
  });
  EXPECT_TRUE(granted);
}

}  // namespace
}  // namespace postern::service
