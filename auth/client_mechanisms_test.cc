// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/client_mechanisms.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// Returns an exchange as "user" with "pencil".
class ClientMechanismsTest : public testing::Test {
 protected:
  std::unique_ptr<ClientMechanism> Make(absl::string_view name,
                                        std::string nonce = "") {
    ClientLogin login{.user = user_, .secret = "pencil", .salted = &salted_};
    if (!nonce.empty()) login.nonce = [nonce] { return nonce; };
    for (const ClientMechanismRow& row : ClientMechanisms()) {
      if (row.name == name) return row.make(login);
    }
    return nullptr;
  }

  std::string user_ = "user";
  SaltedPassword salted_;
};

TEST_F(ClientMechanismsTest, StrongestComesFirst) {
  std::vector<std::string> passwords;
  std::vector<std::string> tokens;
  for (const ClientMechanismRow& row : ClientMechanisms()) {
    (row.token ? tokens : passwords).emplace_back(row.name);
  }
  EXPECT_THAT(passwords, testing::ElementsAre("SCRAM-SHA-256", "SCRAM-SHA-1",
                                              "PLAIN", "LOGIN"));
  EXPECT_THAT(tokens, testing::ElementsAre("OAUTHBEARER", "XOAUTH2"));
}

TEST_F(ClientMechanismsTest, PlainSendsAllAtOnce) {
  const auto plain = Make("PLAIN");
  EXPECT_EQ(plain->Start(), std::string("\0user\0pencil", 12));
  EXPECT_TRUE(plain->proved());
  EXPECT_EQ(plain->Respond("more?"), std::nullopt);
}

TEST_F(ClientMechanismsTest, LoginAnswersTwoQuestions) {
  const auto login = Make("LOGIN");
  EXPECT_EQ(login->Start(), std::nullopt);
  EXPECT_EQ(login->Respond("Username:"), "user");
  EXPECT_EQ(login->Respond("Passwort?"), "pencil");
  EXPECT_EQ(login->Respond("PIN?"), std::nullopt);
}

TEST_F(ClientMechanismsTest, BearersSendTheToken) {
  user_ = "us,er=x";
  const auto oauth = Make("OAUTHBEARER");
  EXPECT_EQ(oauth->Start(),
            "n,a=us=2Cer=3Dx,\x01"
            "auth=Bearer pencil\x01\x01");
  const auto xoauth = Make("XOAUTH2");
  EXPECT_EQ(xoauth->Start(),
            "user=us,er=x\x01"
            "auth=Bearer pencil\x01\x01");
  // The refusal has an explanation, which is for the log.
  EXPECT_EQ(oauth->Respond("{\"status\":\"invalid_token\"}\n"), "\x01");
  EXPECT_EQ(oauth->error(), "{\"status\":\"invalid_token\"}?");
  EXPECT_EQ(oauth->Respond(""), std::nullopt);
  EXPECT_EQ(xoauth->Respond("{}"), "");
}

// RFC 7677 3.
constexpr char kNonce256[] = "rOprNGfwEbeRWgbNEkqO";
constexpr char kFirst256[] =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr char kSignature256[] =
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

TEST_F(ClientMechanismsTest, ScramIsThatOfTheStandards) {
  for (int i = 0; i < 2; ++i) {  // the second one uses the kept password
    const auto scram = Make("SCRAM-SHA-256", kNonce256);
    EXPECT_EQ(scram->Start(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    EXPECT_EQ(scram->Respond(kFirst256),
              "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
              "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    EXPECT_FALSE(scram->proved());
    EXPECT_EQ(scram->Respond(kSignature256), "");
    EXPECT_TRUE(scram->proved());
    EXPECT_EQ(scram->Respond("more"), std::nullopt);
    EXPECT_FALSE(scram->proved());
  }
  // RFC 5802 5.
  const auto scram = Make("SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL");
  EXPECT_EQ(scram->Start(), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
  EXPECT_EQ(scram->Respond("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
                           "s=QSXCR+Q6sek8bf92,i=4096"),
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
            "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
  EXPECT_EQ(scram->Respond("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), "");
  EXPECT_TRUE(scram->proved());
}

TEST_F(ClientMechanismsTest, ScramServerMustProveThatItKnowsThePassword) {
  for (const absl::string_view last :
       {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", "v=", "v=!", "",
        "e=other-error", "x=1"}) {
    const auto scram = Make("SCRAM-SHA-256", kNonce256);
    ASSERT_TRUE(scram->Start());
    ASSERT_TRUE(scram->Respond(kFirst256));
    EXPECT_EQ(scram->Respond(last), std::nullopt) << last;
    EXPECT_FALSE(scram->proved()) << last;
    EXPECT_NE(scram->error(), "") << last;
  }
  // A server that replies 235 at once has proved nothing.
  const auto scram = Make("SCRAM-SHA-256");
  ASSERT_TRUE(scram->Start());
  EXPECT_FALSE(scram->proved());
}

TEST_F(ClientMechanismsTest, ScramNoncesDiffer) {
  EXPECT_NE(Make("SCRAM-SHA-256")->Start(), Make("SCRAM-SHA-256")->Start());
}

TEST_F(ClientMechanismsTest, ScramMessagesOfTheServerAreChecked) {
  const struct {
    std::string first;
    absl::string_view why;
  } cases[] = {
      {"", "incomplete"},
      {"r=nonceX,s=QSXCR+Q6sek8bf92", "incomplete"},
      {"m=1,r=nonceX,s=QSXCR+Q6sek8bf92,i=4096", "invalid message"},
      {"r=nonce,s=QSXCR+Q6sek8bf92,i=4096", "repeat the nonce"},
      {"r=other,s=QSXCR+Q6sek8bf92,i=4096", "repeat the nonce"},
      {"r=nonceX,s=!,i=4096", "salt"},
      {"r=nonceX,s=,i=4096", "salt"},
      {"r=nonceX,s=QSXCR+Q6sek8bf92,i=0", "invalid message"},
      {"r=nonceX,s=QSXCR+Q6sek8bf92,i=-1", "invalid message"},
      {"r=nonceX,s=QSXCR+Q6sek8bf92,i=99999999999", "invalid message"},
      {absl::StrCat("r=nonceX,s=QSXCR+Q6sek8bf92,i=", kMaxClientIterations + 1),
       "iterations"},
  };
  for (const auto& c : cases) {
    const auto scram = Make("SCRAM-SHA-256", "nonce");
    ASSERT_TRUE(scram->Start());
    EXPECT_EQ(scram->Respond(c.first), std::nullopt) << c.first;
    EXPECT_TRUE(absl::StrContains(scram->error(), c.why)) << scram->error();
    EXPECT_EQ(scram->Respond(c.first), std::nullopt);
  }
}

TEST_F(ClientMechanismsTest, ScramNameIsEscaped) {
  user_ = "a,b=c";
  EXPECT_EQ(Make("SCRAM-SHA-256", "x")->Start(), "n,,n=a=2Cb=3Dc,r=x");
}

}  // namespace
}  // namespace postern::auth
