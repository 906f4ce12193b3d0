// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/client_account.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

using Begun = absl::StatusOr<std::unique_ptr<ClientExchange>>;

class ClientAccountTest : public testing::Test {
 protected:
  void Use(ClientCredentials credentials) {
    account_ = MakeClientAccount(
        {.credentials = std::move(credentials),
         .ask_for_token = [this]() -> absl::StatusOr<BearerToken> {
           ++asked_;
           if (!token_error_.ok()) return token_error_;
           return BearerToken{absl::StrCat("token", asked_), lifetime_};
         },
         .run =
             [this](absl::AnyInvocable<void() &&> task) {
               tasks_.push_back(std::move(task));
             },
         .now = [this] { return now_; }});
  }
  // The result appears in the returned object, at once or later.
  std::shared_ptr<std::optional<Begun>> Begin(
      std::vector<std::string> offered = {"PLAIN", "XOAUTH2"}) {
    auto begun = std::make_shared<std::optional<Begun>>();
    account_->Begin(offered, [begun](Begun made) { *begun = std::move(made); });
    return begun;
  }
  static ClientExchange& Exchange(std::optional<Begun>& begun) {
    EXPECT_TRUE(begun && begun->ok());
    return ***begun;
  }
  // Runs the programs.
  void Run() {
    for (auto& task : std::exchange(tasks_, {})) std::move(task)();
  }

  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  absl::Duration lifetime_ = absl::InfiniteDuration();
  absl::Status token_error_;
  int asked_ = 0;
  std::vector<absl::AnyInvocable<void() &&>> tasks_;
  std::shared_ptr<ClientAccount> account_;
};

const ClientCredentials kPassword{.user = "u", .password = "p"};
const ClientCredentials kToken{.user = "u", .token_command = {"/token"}};

TEST_F(ClientAccountTest, StrongestMechanismIsChosen) {
  const struct {
    ClientCredentials credentials;
    std::vector<std::string> offered;
    absl::string_view mechanism;  // or a part of the error
  } cases[] = {
      {kPassword,
       {"LOGIN", "PLAIN", "scram-sha-256", "XOAUTH2"},
       "SCRAM-SHA-256"},
      {kPassword, {"LOGIN", "PLAIN", "SCRAM-SHA-1"}, "SCRAM-SHA-1"},
      {kPassword, {"LOGIN", "PLAIN"}, "PLAIN"},
      {kPassword, {"CRAM-MD5", "LOGIN"}, "LOGIN"},
      {kPassword, {"GSSAPI", "XOAUTH2"}, "offers AUTH with GSSAPI, XOAUTH2"},
      {kPassword, {}, "does not offer AUTH"},
      {{.user = "u", .password = "p", .mechanism = "LOGIN"},
       {"PLAIN", "LOGIN"},
       "LOGIN"},
      {{.user = "u", .password = "p", .mechanism = "SCRAM-SHA-256"},
       {"PLAIN", "LOGIN"},
       "and not with SCRAM-SHA-256"},
  };
  for (const auto& c : cases) {
    Use(c.credentials);
    const auto begun = Begin(c.offered);
    ASSERT_TRUE(*begun);
    if ((*begun)->ok()) {
      EXPECT_EQ(Exchange(*begun).mechanism(), c.mechanism);
    } else {
      EXPECT_TRUE(absl::IsFailedPrecondition((*begun)->status()));
      EXPECT_TRUE(absl::StrContains((*begun)->status().message(), c.mechanism))
          << (*begun)->status();
    }
  }
}

// A server may lock an account after a few wrong passwords.
TEST_F(ClientAccountTest, WrongPasswordIsSentOnce) {
  Use(kPassword);
  std::vector<std::shared_ptr<std::optional<Begun>>> all;
  for (int i = 0; i < 100; ++i) all.push_back(Begin());
  ASSERT_TRUE(*all[0]);
  for (int i = 1; i < 100; ++i) ASSERT_FALSE(*all[i]) << i;
  EXPECT_FALSE(Exchange(*all[0]).Refused());
  for (int i = 1; i < 100; ++i) {
    ASSERT_TRUE(*all[i]);
    EXPECT_TRUE(absl::IsPermissionDenied((*all[i])->status()));
  }
  // The next one tries again: the caller decides when.
  const auto next = Begin();
  EXPECT_TRUE(*next);
  EXPECT_FALSE(*Begin());
}

TEST_F(ClientAccountTest, AcceptedPasswordIsUsedByAllAtOnce) {
  Use(kPassword);
  const auto first = Begin();
  const auto second = Begin();
  const auto third = Begin();
  EXPECT_FALSE(*second);
  EXPECT_TRUE(Exchange(*first).Accepted());
  EXPECT_TRUE(*second);
  EXPECT_TRUE(*third);
  EXPECT_TRUE(*Begin());
  // A refusal ends this.
  EXPECT_FALSE(Exchange(*second).Refused());
  EXPECT_TRUE(*Begin());
}

TEST_F(ClientAccountTest, LostConnectionLetsTheNextOneTry) {
  Use(kPassword);
  auto first = Begin();
  const auto second = Begin();
  EXPECT_FALSE(*second);
  first->reset();  // without a reply
  EXPECT_TRUE(*second);
  EXPECT_TRUE((*second)->ok());
}

TEST_F(ClientAccountTest, ServerThatProvesNothingIsNotBelieved) {
  Use(kPassword);
  const auto begun = Begin({"SCRAM-SHA-256"});
  ClientExchange& exchange = Exchange(*begun);
  EXPECT_TRUE(exchange.Start());
  EXPECT_FALSE(exchange.Accepted());
  EXPECT_NE(exchange.error(), "");
}

TEST_F(ClientAccountTest, TokenIsAskedForOnceAndKept) {
  Use(kToken);
  const auto first = Begin();
  const auto second = Begin();
  EXPECT_FALSE(*first);
  ASSERT_EQ(tasks_.size(), 1u);
  Run();
  EXPECT_TRUE(
      absl::StrContains(*Exchange(*first).Start(), "Bearer token1\x01"));
  EXPECT_TRUE(Exchange(*first).Accepted());
  EXPECT_TRUE(absl::StrContains(*Exchange(*second).Start(), "token1\x01"));
  now_ += absl::Hours(24 * 365);
  EXPECT_TRUE(absl::StrContains(*Exchange(*Begin()).Start(), "token1\x01"));
  EXPECT_EQ(asked_, 1);
}

TEST_F(ClientAccountTest, TokenIsRenewedBeforeItsEnd) {
  Use(kToken);
  lifetime_ = absl::Seconds(3600);
  auto first = Begin();
  Run();
  EXPECT_TRUE(Exchange(*first).Accepted());
  now_ += absl::Seconds(3539);
  EXPECT_TRUE(absl::StrContains(*Exchange(*Begin()).Start(), "token1\x01"));
  now_ += absl::Seconds(1);
  const auto next = Begin();
  EXPECT_FALSE(*next);
  Run();
  EXPECT_TRUE(absl::StrContains(*Exchange(*next).Start(), "token2\x01"));
}

TEST_F(ClientAccountTest, RefusedTokenIsReplacedOnce) {
  Use(kToken);
  auto first = Begin();
  Run();
  EXPECT_TRUE(Exchange(*first).Accepted());
  // It has ended: another one may work.
  const auto second = Begin();
  EXPECT_TRUE(Exchange(*second).Refused());
  second->reset();
  const auto third = Begin();
  Run();
  EXPECT_TRUE(absl::StrContains(*Exchange(*third).Start(), "token2\x01"));
  // A new token that does not work is not replaced.
  EXPECT_FALSE(Exchange(*third).Refused());
  EXPECT_EQ(asked_, 2);
}

TEST_F(ClientAccountTest, FailureOfTheProgramFailsAllThatWait) {
  Use(kToken);
  token_error_ = absl::UnavailableError("/token: exited with 1");
  const auto first = Begin();
  const auto second = Begin();
  Run();
  EXPECT_EQ((*first)->status(), token_error_);
  EXPECT_EQ((*second)->status(), token_error_);
  token_error_ = absl::OkStatus();
  const auto third = Begin();
  Run();
  EXPECT_TRUE((*third)->ok());
}

TEST_F(ClientAccountTest, VersionFollowsTheCredentials) {
  Use(kPassword);
  const std::string version = account_->version();
  Use(kPassword);
  EXPECT_EQ(account_->version(), version);
  for (const ClientCredentials& other :
       {ClientCredentials{.user = "v", .password = "p"},
        ClientCredentials{.user = "u", .password = "q"},
        ClientCredentials{.user = "u", .password = "p", .mechanism = "PLAIN"},
        kToken}) {
    Use(other);
    EXPECT_NE(account_->version(), version);
  }
  EXPECT_FALSE(absl::StrContains(version, "p="));
}

}  // namespace
}  // namespace postern::auth
