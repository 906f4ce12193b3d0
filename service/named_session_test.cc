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
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/event.h"
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

class ChattySink : public MessageSink {
 public:
  ~ChattySink() override { log::WriteLog("sink", "ends"); }
  bool Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void() &&>) override {
    log::WriteLog("sink", "writes");
    return true;
  }
  void Commit(Policy::Done done) override {
    log::WriteLog("sink", "commits");
    std::move(done)(Verdict::Accept());
  }
};

class ChattyDelivery : public Delivery {
 public:
  Opened Open(const Envelope&, const SessionInfo&) override {
    log::WriteLog("delivery", "opens");
    return std::make_unique<ChattySink>();
  }
};

class ChattyPolicy : public Policy {
 public:
  void Decide(const Ask&, const SharedSessionInfo&, Done done) override {
    log::WriteLog("policy", "decides");
    std::move(done)(Verdict::Accept());
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

TEST_F(NamedSessionLogTest, ADeliverysLinesNameTheMessage) {
  const auto delivery = NameSessions(
      std::unique_ptr<Delivery>(std::make_unique<ChattyDelivery>()));
  Envelope envelope;
  envelope.message = 2;
  Delivery::Opened opened = delivery->Open(envelope, *session_);
  auto& sink = std::get<std::unique_ptr<MessageSink>>(opened);
  sink->Write({}, [] {});
  sink->Commit([](const Verdict&) {});
  sink.reset();
  EXPECT_THAT(lines_,
              AllOf(SizeIs(4), Each(HasSubstr(" session=s1 id=s1-2 "))));
}

TEST_F(NamedSessionLogTest, APolicysLinesNameTheMessageOfARecipient) {
  const auto policy =
      NameSessions(std::unique_ptr<Policy>(std::make_unique<ChattyPolicy>()));
  policy->Decide({.what = Rcpt{.message = 3}}, session_, [](const Verdict&) {});
  policy->Decide({.what = Verify{}}, session_, [](const Verdict&) {});
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_THAT(lines_[0], HasSubstr(" session=s1 id=s1-3 "));
  EXPECT_THAT(lines_[1],
              AllOf(HasSubstr(" session=s1 "), Not(HasSubstr(" id="))));
}

TEST_F(NamedSessionLogTest, AnExchangesLinesNameTheSession) {
  const auto authenticator = NameSessions(
      std::shared_ptr<Authenticator>(std::make_shared<ChattyAuthenticator>()));
  EXPECT_EQ(authenticator->Begin("NONE", session_), nullptr);
  const auto exchange = authenticator->Begin("PLAIN", session_);
  exchange->Start(std::nullopt, [](const AuthMove&) {});
  exchange->Respond("x", [](const AuthMove&) {});
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
