// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/password_exchange.h"

#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "auth/refusal.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// Knows the user "a" with the password "b". Records its calls.
class FakeChecker : public PasswordChecker {
 public:
  AuthAnswer Check(const PasswordCredentials& credentials,
                   const SessionInfo& session) override {
    asked.push_back(absl::StrCat(credentials.user, "|", credentials.secret, "|",
                                 credentials.challenge, "|",
                                 session.local_name));
    if (credentials.user == "a" && credentials.secret == "b")
      return AuthGranted{"a@id"};
    return WrongCredentials();
  }

  std::vector<std::string> asked;
};

// Returns an answer in the form that the tables use.
std::string Format(const AuthAnswer& answer) {
  if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    return absl::StrCat("334 ", challenge->bytes);
  }
  if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
    return absl::StrCat("235 ", granted->identity);
  }
  return absl::StrCat(std::get<Verdict>(answer).reply()->code);
}

class PasswordExchangeTest : public testing::Test {
 protected:
  PasswordExchangeTest() {
    auto info = std::make_shared<SessionInfo>();
    info->local_name = "mx.example";
    session_ = std::move(info);
  }

  void Begin(absl::string_view mechanism) {
    exchange_ = MakePasswordExchange(mechanism, &checker_, session_);
    ASSERT_NE(exchange_, nullptr);
  }
  std::string Start(std::optional<std::string> initial_response) {
    std::string result;
    exchange_->Start(std::move(initial_response),
                     [&](AuthAnswer answer) { result = Format(answer); });
    return result;
  }
  std::string Respond(std::string response) {
    std::string result;
    exchange_->Respond(std::move(response),
                       [&](AuthAnswer answer) { result = Format(answer); });
    return result;
  }

  SharedSessionInfo session_;
  FakeChecker checker_;
  std::unique_ptr<AuthExchange> exchange_;
};

std::string Bytes(const char* text) {  // '%' means NUL
  std::string bytes = text;
  for (char& c : bytes) c = c == '%' ? '\0' : c;
  return bytes;
}

TEST_F(PasswordExchangeTest, ParsesPlain) {
  struct Row {
    const char* response;  // % is NUL
    const char* answer;
    const char* asked;
    const char* user;
  };
  for (const Row& row : {
           Row{"%a%b", "235 a@id", "a|b||mx.example", "a"},
           Row{"a%a%b", "235 a@id", "a|b||mx.example", "a"},
           Row{"%a%c", "535", "a|c||mx.example", "a"},
           Row{"%a b%c d", "535", "a b|c d||mx.example", "a b"},
           Row{"", "501", "", ""},
           Row{"%", "501", "", ""},
           Row{"a%b", "501", "", ""},
           Row{"%%b", "501", "", ""},
           Row{"%a%", "501", "", ""},
           Row{"%a%b%", "501", "", ""},
           Row{"%a%%b", "501", "", ""},
       }) {
    for (const bool initial : {true, false}) {
      checker_.asked.clear();
      Begin("PLAIN");
      std::string answer;
      if (initial) {
        answer = Start(Bytes(row.response));
      } else {
        EXPECT_EQ(Start(std::nullopt), "334 ");
        answer = Respond(Bytes(row.response));
      }
      EXPECT_EQ(answer, row.answer) << row.response;
      EXPECT_EQ(exchange_->user(), row.user) << row.response;
      ASSERT_EQ(checker_.asked.size(), *row.asked == '\0' ? 0 : 1);
      if (!checker_.asked.empty()) {
        EXPECT_EQ(checker_.asked[0], row.asked);
      }
    }
  }
}

// RFC 4616 2: no user may act as another.
TEST_F(PasswordExchangeTest, PlainRefusesAnotherIdentity) {
  struct Row {
    const char* response;  // % is NUL
    const char* answer;
    const char* answer_if_ignored;
    const char* user;
    const char* requested;
  };
  for (const Row& row : {
           Row{"%a%b", "235 a@id", "235 a@id", "a", ""},
           Row{"a%a%b", "235 a@id", "235 a@id", "a", "a"},
           Row{"x%a%b", "535", "235 a@id", "a", "x"},
           Row{"A%a%b", "535", "235 a@id", "a", "A"},
           Row{"a %a%b", "535", "235 a@id", "a", "a "},
           Row{"aa%a%b", "535", "235 a@id", "a", "aa"},
           Row{"x%a%c", "535", "535", "a", "x"},
           Row{"x%%b", "501", "501", "", "x"},
           Row{"x%a%", "501", "501", "", "x"},
       }) {
    for (const bool ignore : {false, true}) {
      checker_.asked.clear();
      exchange_ =
          MakePasswordExchange("PLAIN", &checker_, session_,
                               {.ignore_authorization_identity = ignore});
      EXPECT_EQ(Start(Bytes(row.response)),
                ignore ? row.answer_if_ignored : row.answer)
          << row.response;
      EXPECT_EQ(exchange_->user(), row.user) << row.response;
      EXPECT_EQ(exchange_->requested_identity(), row.requested);
      // A client cannot find out this way whether the password is right.
      if (!ignore && row.requested[0] != 0 &&
          row.requested != std::string("a")) {
        EXPECT_TRUE(checker_.asked.empty()) << row.response;
      }
    }
  }
}

TEST_F(PasswordExchangeTest, LoginSendsTwoChallenges) {
  struct Row {
    const char* user;
    const char* password;
    const char* answer;
  };
  for (const Row& row : {
           Row{"a", "b", "235 a@id"},
           Row{"a", "c", "535"},
           Row{"", "b", "501"},
           Row{"a", "", "501"},
           Row{"a%", "b", "501"},
           Row{"a", "b%", "501"},
       }) {
    for (const bool initial : {true, false}) {
      Begin("LOGIN");
      EXPECT_EQ(exchange_->user(), "");
      if (initial) {
        EXPECT_EQ(Start(Bytes(row.user)), "334 Password:");
      } else {
        EXPECT_EQ(Start(std::nullopt), "334 Username:");
        EXPECT_EQ(Respond(Bytes(row.user)), "334 Password:");
      }
      EXPECT_EQ(exchange_->user(), Bytes(row.user));
      EXPECT_EQ(Respond(Bytes(row.password)), row.answer);
    }
  }
}

TEST_F(PasswordExchangeTest, PassesOnTheDigestOfCramMd5) {
  const std::string digest = "b913a602c7eda7a495b4e6e7334d3890";
  struct Row {
    std::string response;
    const char* user;  // null: malformed
  };
  for (const Row& row : {
           Row{"tim " + digest, "tim"},
           Row{"tim tom " + digest, "tim tom"},
           Row{"", nullptr},
           Row{" " + digest, nullptr},
           Row{"tim", nullptr},
           Row{"tim " + digest + "0", nullptr},
           Row{"tim " + digest.substr(1), nullptr},
           Row{"tim x" + digest.substr(1), nullptr},
           Row{Bytes("ti% ") + digest, nullptr},
       }) {
    checker_.asked.clear();
    Begin("CRAM-MD5");
    const std::string answer = Start(std::nullopt);
    ASSERT_TRUE(absl::StartsWith(answer, "334 <")) << answer;
    ASSERT_TRUE(absl::EndsWith(answer, "@mx.example>")) << answer;
    if (row.user == nullptr) {
      EXPECT_EQ(Respond(row.response), "501") << row.response;
      EXPECT_TRUE(checker_.asked.empty());
    } else {
      EXPECT_EQ(Respond(row.response), "535");
      EXPECT_EQ(
          checker_.asked,
          (std::vector<std::string>{absl::StrCat(
              row.user, "|", digest, "|", answer.substr(4), "|mx.example")}));
    }
  }
  Begin("CRAM-MD5");
  EXPECT_EQ(Start(""), "501");
  exchange_ = MakePasswordExchange("CRAM-MD5", &checker_, session_,
                                   {.host = "other.example"});
  EXPECT_TRUE(absl::EndsWith(Start(std::nullopt), "@other.example>"));
}

TEST_F(PasswordExchangeTest, SupportsNoOtherMechanism) {
  EXPECT_EQ(MakePasswordExchange("SCRAM-SHA-256", &checker_, session_),
            nullptr);
  EXPECT_EQ(MakePasswordExchange("plain", &checker_, session_), nullptr);
}

TEST(MakeChallengeTest, EachChallengeIsDifferent) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(seen.insert(MakeChallenge("a.example")).second);
  }
}

TEST(MakeChallengeTest, RemovesInvalidCharactersFromTheHost) {
  for (const auto& [host, end] : {
           std::pair<std::string, std::string>{"", "@localhost>"},
           {"mx-1.example ESMTP <x>", "@mx-1.exampleESMTPx>"},
           {std::string(100, 'a'), "@" + std::string(64, 'a') + ">"},
       }) {
    const std::string challenge = MakeChallenge(host);
    EXPECT_TRUE(absl::EndsWith(challenge, end)) << challenge;
    EXPECT_EQ(challenge[0], '<');
  }
}

}  // namespace
}  // namespace postern::auth
