// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/bearer_exchange.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "auth/refusal.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// Replaces '^' by the octet 1. A C++ escape would include a digit after it.
std::string Message(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"^", "\x01"}});
}

// Returns "USER TOKEN" or "none".
std::string Read(const std::optional<BearerMessage>& message) {
  if (!message) return "none";
  return absl::StrCat(message->user, " ", message->token);
}

TEST(BearerMessageTest, ParsesOauthBearerAsInRfc7628) {
  const struct {
    absl::string_view message;
    absl::string_view result;
  } cases[] = {
      // RFC 7628 4.1 and 4.3, with a shorter token.
      {"n,a=user@example.com,^host=server.example.com^port=143^"
       "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==^^",
       "user@example.com vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="},
      {"n,,^host=server.example.com^port=143^^", " "},
      {"n,,^^", " "},
      {"n,,^auth=^^", " "},
      {"y,a=u,^auth=Bearer t^^", "u t"},
      {"n,,^auth=bEARER   t^^", " t"},
      {"n,,^auth=Bearer aZ09-._~+/==^^", " aZ09-._~+/=="},
      {"n,a=a=2Cb=3Dc,^auth=Bearer t^^", "a,b=c t"},
      {"n,a=\xc3\xbc@x,^auth=Bearer t^^", "\xc3\xbc@x t"},
      {"n,,^auth=Bearer t^x= \t\r\n~^^", " t"},
      {"n,,^x=^auth=Bearer t^^", " t"},
      {"", "none"},
      {"^", "none"},
      {"n,,", "none"},
      {"n,,^", "none"},
      {"n,,^auth=Bearer t", "none"},
      {"n,,^auth=Bearer t^", "none"},
      {"n,,^auth=Bearer t^^^", "none"},
      {"n,,^auth=Bearer t^^x", "none"},
      {"n,,auth=Bearer t^^", "none"},
      {"n,,x^auth=Bearer t^^", "none"},
      {",,^auth=Bearer t^^", "none"},
      {"N,,^auth=Bearer t^^", "none"},
      {"p=tls-unique,,^auth=Bearer t^^", "none"},
      {"n,u,^auth=Bearer t^^", "none"},
      {"n,a=,^auth=Bearer t^^", "none"},
      {"n,a=u^auth=Bearer t^^", "none"},
      {"n,a=u=,^auth=Bearer t^^", "none"},
      {"n,a=u=2c,^auth=Bearer t^^", "none"},
      {"n,a=u\n,^auth=Bearer t^^", "none"},
      {"n,a=\xc2\x85,^auth=Bearer t^^", "none"},
      {"n,a=\xff,^auth=Bearer t^^", "none"},
      {"n,,^auth=Bearer t^auth=Bearer t^^", "none"},
      {"n,,^host=a^host=a^auth=Bearer t^^", "none"},
      {"n,,^auth=Bearer^^", "none"},
      {"n,,^auth=Bearer ^^", "none"},
      {"n,,^auth=Bearer ==^^", "none"},
      {"n,,^auth=Bearer t=t^^", "none"},
      {"n,,^auth=Bearer t t^^", "none"},
      {"n,,^auth=Bearer t ^^", "none"},
      {"n,,^auth=Bearer \tt^^", "none"},
      {"n,,^auth=Bearer\tt^^", "none"},
      {"n,,^auth=Bearer t\n^^", "none"},
      {"n,,^auth= Bearer t^^", "none"},
      {"n,,^auth=Basic dTpw^^", "none"},
      {"n,,^auth^^", "none"},
      {"n,,^=x^auth=Bearer t^^", "none"},
      {"n,,^x1=^auth=Bearer t^^", "none"},
      {"n,,^x=\xc3\xbc^auth=Bearer t^^", "none"},
      {"n,,^x=\x7f^auth=Bearer t^^", "none"},
  };
  for (const auto& c : cases) {
    const std::string message = Message(c.message);
    EXPECT_EQ(Read(ParseOauthBearer(message)), c.result)
        << absl::CEscape(message);
  }
  const absl::string_view nul("n,,\1x=\0\1auth=Bearer t\1\1", 22);
  EXPECT_EQ(Read(ParseOauthBearer(nul)), "none");
}

TEST(BearerMessageTest, ParsesXoauth2WithUserAndToken) {
  const struct {
    absl::string_view message;
    absl::string_view result;
  } cases[] = {
      {"user=u@x.example^auth=Bearer ya29.vF9_-/+~==^^",
       "u@x.example ya29.vF9_-/+~=="},
      {"user=a,b=c^auth=bearer t^^", "a,b=c t"},
      {"user=\xc3\xbc^auth=Bearer t^^", "\xc3\xbc t"},
      {"", "none"},
      {"user=^auth=Bearer t^^", "none"},
      {"user=u^auth=Bearer t^", "none"},
      {"user=u^auth=Bearer t", "none"},
      {"user=u^auth=Bearer t^^^", "none"},
      {"user=u^auth=Bearer ^^", "none"},
      {"user=u^auth=^^", "none"},
      {"user=u^^", "none"},
      {"auth=Bearer t^user=u^^", "none"},
      {"user=u^auth=Bearer t^x=y^^", "none"},
      {"User=u^auth=Bearer t^^", "none"},
      {"user=u\n^auth=Bearer t^^", "none"},
      {"user=\xff^auth=Bearer t^^", "none"},
      {"n,a=u,^auth=Bearer t^^", "none"},
  };
  for (const auto& c : cases) {
    const std::string message = Message(c.message);
    EXPECT_EQ(Read(ParseXoauth2(message)), c.result) << absl::CEscape(message);
  }
}

// Accepts the token "good" for Ann@x.example, and refuses "bad". For other
// tokens there is an outage.
class Ann : public TokenChecker {
 public:
  AuthAnswer Check(const TokenCredentials& credentials,
                   const SessionInfo&) override {
    absl::StrAppend(&asked, credentials.user, " ", credentials.token, "\n");
    if (credentials.token == "good") return AuthGranted{"Ann@x.example"};
    return credentials.token == "bad" ? WrongCredentials() : Outage();
  }
  std::string asked;
};

// Returns "granted IDENTITY", "challenge BYTES" or the code of the reply;
// "wrong BYTES" for a challenge that reveals a wrong token.
std::string Text(const AuthAnswer& answer) {
  if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
    return "granted " + granted->identity;
  }
  if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    const bool wrong = challenge->reveals == AuthChallenge::Reveals::kWrong;
    return absl::StrCat(wrong ? "wrong " : "challenge ", challenge->bytes);
  }
  return absl::StrCat(std::get<Verdict>(answer).reply()->code);
}

class BearerExchangeTest : public testing::Test {
 protected:
  void Begin(absl::string_view mechanism) {
    exchange_ = MakeBearerExchange(mechanism, &checker_,
                                   std::make_shared<const SessionInfo>());
    ASSERT_NE(exchange_, nullptr);
  }
  std::string Start(std::optional<std::string> initial) {
    std::string text = "nothing";
    exchange_->Start(std::move(initial),
                     [&](AuthAnswer answer) { text = Text(answer); });
    return text;
  }
  std::string Respond(std::string response) {
    std::string text = "nothing";
    exchange_->Respond(std::move(response),
                       [&](AuthAnswer answer) { text = Text(answer); });
    return text;
  }

  Ann checker_;
  std::unique_ptr<AuthExchange> exchange_;
};

constexpr char kFailed[] =
    R"(wrong {"status":"invalid_token","schemes":"bearer"})";

TEST_F(BearerExchangeTest, ReturnsTheDecisionOfTheChecker) {
  const struct {
    absl::string_view mechanism;
    absl::string_view message;
    absl::string_view result;
    absl::string_view user;
    absl::string_view asked;
  } cases[] = {
      {"OAUTHBEARER", "n,,^auth=Bearer good^^", "granted Ann@x.example", "",
       " good\n"},
      {"OAUTHBEARER", "n,a=ann@X.example,^auth=Bearer good^^",
       "granted Ann@x.example", "ann@X.example", "ann@X.example good\n"},
      {"OAUTHBEARER", "n,a=bob@x.example,^auth=Bearer good^^", kFailed,
       "bob@x.example", "bob@x.example good\n"},
      {"OAUTHBEARER", "n,,^auth=Bearer bad^^", kFailed, "", " bad\n"},
      {"OAUTHBEARER", "n,,^auth=Bearer unknown^^", "454", "", " unknown\n"},
      {"OAUTHBEARER", "n,a=u,^^", kFailed, "u", ""},
      {"OAUTHBEARER", "user=u^auth=Bearer good^^", "501", "", ""},
      {"OAUTHBEARER", "", "501", "", ""},
      {"XOAUTH2", "user=ann@x.example^auth=Bearer good^^",
       "granted Ann@x.example", "ann@x.example", "ann@x.example good\n"},
      {"XOAUTH2", "user=bob^auth=Bearer good^^", kFailed, "bob", "bob good\n"},
      {"XOAUTH2", "user=ann^auth=Bearer bad^^", kFailed, "ann", "ann bad\n"},
      {"XOAUTH2", "user=ann^auth=Bearer unknown^^", "454", "ann",
       "ann unknown\n"},
      {"XOAUTH2", "n,,^auth=Bearer good^^", "501", "", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.message));
    for (const bool initial : {true, false}) {
      checker_.asked.clear();
      Begin(c.mechanism);
      if (initial) {
        EXPECT_EQ(Start(Message(c.message)), c.result);
      } else {
        EXPECT_EQ(Start(std::nullopt), "challenge ");
        EXPECT_EQ(exchange_->user(), "");
        EXPECT_EQ(Respond(Message(c.message)), c.result);
      }
      EXPECT_EQ(exchange_->user(), c.user);
      EXPECT_EQ(checker_.asked, c.asked);
    }
  }
}

TEST_F(BearerExchangeTest, AfterAFailureEveryResponseIsRefused) {
  for (absl::string_view mechanism : {"OAUTHBEARER", "XOAUTH2"}) {
    for (absl::string_view dummy : {"^", "", "x", "n,,^auth=Bearer good^^",
                                    "user=ann@x.example^auth=Bearer good^^"}) {
      Begin(mechanism);
      const bool old = mechanism == "XOAUTH2";
      EXPECT_EQ(Start(Message(old ? "user=a^auth=Bearer bad^^"
                                  : "n,,^auth=Bearer bad^^")),
                kFailed);
      checker_.asked.clear();
      EXPECT_EQ(Respond(Message(dummy)), "535");
      EXPECT_EQ(checker_.asked, "");
    }
  }
}

TEST_F(BearerExchangeTest, SupportsOnlyTwoMechanisms) {
  const auto session = std::make_shared<const SessionInfo>();
  for (absl::string_view name : {"PLAIN", "oauthbearer", "XOAUTH", ""}) {
    EXPECT_EQ(MakeBearerExchange(name, &checker_, session), nullptr);
  }
}

}  // namespace
}  // namespace postern::auth
