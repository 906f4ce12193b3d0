// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/pooled_authenticator.h"

#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "auth/refusal.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// Returns its arguments, and counts the exchanges that exist.
class FakeAuthenticator : public Authenticator {
 public:
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override {
    if (mechanism == "NONE") return nullptr;
    return std::make_unique<Exchange>(
        this, absl::StrCat(mechanism, "@", ToString(session->remote_address)));
  }

  int open = 0;

 private:
  class Exchange : public AuthExchange {
   public:
    Exchange(FakeAuthenticator* owner, std::string said)
        : owner_(*owner), said_(std::move(said)) {
      ++owner_.open;
    }
    ~Exchange() override { --owner_.open; }
    void Start(std::optional<std::string> initial, Done done) override {
      absl::StrAppend(&said_, " start ", initial.value_or("-"));
      std::move(done)(AuthChallenge{said_});
      absl::StrAppend(&said_, ".");  // the exchange still exists
    }
    void Respond(std::string response, Done done) override {
      absl::StrAppend(&said_, " respond ", response);
      std::move(done)(AuthGranted{said_});
      absl::StrAppend(&said_, ".");
    }
    absl::string_view user() const override { return "user"; }

   private:
    FakeAuthenticator& owner_;
    std::string said_;
  };
};

class PooledAuthenticatorTest : public testing::Test {
 protected:
  PooledAuthenticatorTest() {
    auto info = std::make_shared<SessionInfo>();
    info->remote_address = IpAddress::Parse("192.0.2.1");
    session_ = std::move(info);
  }

  // Runs one task.
  void Work() {
    ASSERT_FALSE(tasks_.empty());
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    std::move(task)();
  }

  std::shared_ptr<FakeAuthenticator> fake_ =
      std::make_shared<FakeAuthenticator>();
  std::deque<absl::AnyInvocable<void() &&>> tasks_;
  PooledAuthenticator pooled_{
      fake_, [this](auto task) { tasks_.push_back(std::move(task)); }};
  SharedSessionInfo session_;
};

TEST_F(PooledAuthenticatorTest, DoesNothingOnTheCallersThread) {
  auto exchange = pooled_.Begin("PLAIN", session_);
  EXPECT_EQ(exchange->user(), "");
  std::optional<AuthAnswer> answer;
  exchange->Start("x",
                  [&](AuthAnswer made) { answer.emplace(std::move(made)); });
  EXPECT_FALSE(answer.has_value());
  EXPECT_EQ(fake_->open, 0);
  Work();
  EXPECT_EQ(std::get<AuthChallenge>(*answer).bytes, "PLAIN@192.0.2.1 start x");
  EXPECT_EQ(exchange->user(), "user");
  answer.reset();
  exchange->Respond("y",
                    [&](AuthAnswer made) { answer.emplace(std::move(made)); });
  EXPECT_FALSE(answer.has_value());
  Work();
  EXPECT_EQ(std::get<AuthGranted>(*answer).identity,
            "PLAIN@192.0.2.1 start x. respond y");
  EXPECT_EQ(fake_->open, 1);
  exchange.reset();
  EXPECT_EQ(fake_->open, 0);
}

TEST_F(PooledAuthenticatorTest, DistinguishesNoResponseFromAnEmptyOne) {
  for (const bool empty : {false, true}) {
    auto exchange = pooled_.Begin("PLAIN", session_);
    std::optional<std::string> initial;
    if (empty) initial.emplace();
    std::string said;
    exchange->Start(std::move(initial), [&](AuthAnswer answer) {
      said = std::get<AuthChallenge>(answer).bytes;
    });
    Work();
    EXPECT_EQ(said,
              empty ? "PLAIN@192.0.2.1 start " : "PLAIN@192.0.2.1 start -");
  }
}

// The answer may destroy the exchange while the task still runs.
TEST_F(PooledAuthenticatorTest, TheAnswerMayDestroyTheExchange) {
  auto exchange = pooled_.Begin("PLAIN", session_);
  exchange->Start(std::nullopt, [&](AuthAnswer) { exchange.reset(); });
  Work();
  EXPECT_EQ(exchange, nullptr);
  EXPECT_EQ(fake_->open, 0);
}

TEST_F(PooledAuthenticatorTest, WithoutAnExchangeTheAnswerIsAnOutage) {
  auto exchange = pooled_.Begin("NONE", session_);
  ASSERT_NE(exchange, nullptr);
  int code = 0;
  exchange->Start(std::nullopt, [&](AuthAnswer answer) {
    code = std::get<Verdict>(answer).reply()->code;
  });
  Work();
  EXPECT_EQ(code, 454);
  EXPECT_EQ(exchange->user(), "");
}

TEST_F(PooledAuthenticatorTest, ServesSeveralThreads) {
  std::vector<std::thread> threads;
  PooledAuthenticator pooled(
      fake_, [&](auto task) { std::thread(std::move(task)).join(); });
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) {
        auto exchange = pooled.Begin("NONE", session_);
        bool answered = false;
        exchange->Start("x", [&](AuthAnswer) { answered = true; });
        EXPECT_TRUE(answered);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace postern::auth
