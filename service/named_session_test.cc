// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/named_session.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "engine/session_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"

namespace postern::service {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class ChattyTransaction : public MailTransaction {
 public:
  ~ChattyTransaction() override { log::WriteLog("transaction", "ends"); }
  std::optional<Verdict> AddRecipient(const Rcpt&, Policy::Later) override {
    log::WriteLog("transaction", "adds");
    return Verdict::Accept();
  }
  std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
    log::WriteLog("transaction", "opens");
    return Verdict::Accept();
  }
  bool Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void() &&>) override {
    log::WriteLog("transaction", "writes");
    return true;
  }
  void Commit(Policy::Done done) override {
    log::WriteLog("transaction", "commits");
    std::move(done)(Verdict::Accept());
  }
};

class ChattyDelivery : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<ChattyTransaction>();
  }
};

class ChattyExchange : public AuthExchange {
 public:
  void Start(std::optional<std::string>, Done done) override {
    log::WriteLog("exchange", "starts");
    std::move(done)(AuthChallenge{"?"});
  }
  void Respond(std::string, Done done) override {
    log::WriteLog("exchange", "responds");
    std::move(done)(AuthGranted{"user"});
  }
};

class ChattyAuthenticator : public Authenticator {
 public:
  std::unique_ptr<AuthExchange> Begin(absl::string_view mechanism,
                                      const SharedSessionInfo&) override {
    log::WriteLog("authenticator", "begins");
    if (mechanism == "NONE") return nullptr;
    return std::make_unique<ChattyExchange>();
  }
};

class NamedSessionLogTest : public testing::Test, private log::LogSink {
 protected:
  NamedSessionLogTest() { log::SetLogSink(this); }
  ~NamedSessionLogTest() override { log::SetLogSink(nullptr); }

  const SharedSessionInfo session_ =
      std::make_shared<SessionInfo>(SessionInfo{.session_id = "s1"});
  std::vector<std::string> lines_;

 private:
  void Add(absl::string_view line) override { lines_.emplace_back(line); }
};

TEST_F(NamedSessionLogTest, LinesOfADeliveryNameTheMessage) {
  const std::shared_ptr<Delivery> delivery =
      NameSessions(std::make_shared<ChattyDelivery>());
  Envelope envelope;
  envelope.message = 2;
  auto transaction = delivery->Begin(envelope, session_);
  transaction->AddRecipient({}, []() -> Policy::Done { return nullptr; });
  transaction->Open(envelope, []() -> Policy::Done { std::abort(); });
  transaction->Write({}, [] {});
  transaction->Commit([](const Verdict&) {});
  transaction.reset();
  EXPECT_THAT(lines_,
              AllOf(SizeIs(5), Each(HasSubstr(" session=s1 id=s1-2 "))));
}

TEST_F(NamedSessionLogTest, LinesOfAnExchangeNameTheSession) {
  const auto authenticator = NameSessions(
      std::shared_ptr<Authenticator>(std::make_shared<ChattyAuthenticator>()));
  EXPECT_EQ(authenticator->Begin("NONE", session_), nullptr);
  const auto exchange = authenticator->Begin("PLAIN", session_);
  exchange->Start(std::nullopt, [](const AuthAnswer&) {});
  exchange->Respond("x", [](const AuthAnswer&) {});
  EXPECT_THAT(lines_, AllOf(SizeIs(4), Each(HasSubstr(" session=s1 "))));
  log::WriteLog("other", "line");
  EXPECT_THAT(lines_.back(), Not(HasSubstr("session=")));
}

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

// The wrappers that limit and log attempts ask the exchange for its user.
TEST(NamedSessionTest, ExchangeReturnsTheUserOfTheWrappedExchange) {
  const auto named = NameSessions(std::make_shared<Granting>());
  const auto session = std::make_shared<const SessionInfo>();
  EXPECT_EQ(named->Begin("LOGIN", session), nullptr);
  const auto exchange = named->Begin("PLAIN", session);
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(exchange->user(), "u");
  EXPECT_EQ(exchange->requested_identity(), "boss");
  bool granted = false;
  exchange->Start(std::nullopt, [&granted](AuthAnswer answer) {
    granted = std::holds_alternative<AuthGranted>(answer);
  });
  EXPECT_TRUE(granted);
}

}  // namespace
}  // namespace postern::service
