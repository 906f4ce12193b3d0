// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/verifier.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "auth/scram_keys.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// The verifier of "pencil" with the salt and the iterations of RFC 7677 3.
constexpr char kPencil[] =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

// Hashes of "pencil", made by libcrypt.
constexpr char kYescrypt[] =
    "$y$j9T$WTVYo0QrJN6pFq67hkMQa/$"
    "jW6Sh293mWiOLPthVE2ORhSIcZ4uHfCwjOuZJiRKCPD";
constexpr char kSha512[] =
    "$6$rounds=5000$saltsaltsalt$"
    "1p71ZRBOC3fXUBnnH4cxkg7kwgG5dMf7PmATOemaeRPogZQp0alFu0ShBACKlf."
    "zWcMDKkwKm7SJ7DB813KpO.";
constexpr char kSha256[] =
    "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";
constexpr char kBcrypt[] =
    "$2b$05$bd86q4V3wvThik2HYT67ae"
    "rGBp9GhQr919S9b/KFL5G0avsPO1bvC";

TEST(VerifierTest, ParsesItsOwnText) {
  for (const absl::string_view text :
       {kPencil, kYescrypt, kSha512, kSha256, kBcrypt}) {
    const absl::StatusOr<Verifier> verifier = Verifier::Parse(text);
    ASSERT_TRUE(verifier.ok()) << text << verifier.status();
    EXPECT_EQ(verifier->text(), text);
    EXPECT_EQ(Verifier::Parse(verifier->text()), verifier);
  }
}

TEST(VerifierTest, AcceptsOnlyTheRightPassword) {
  for (const absl::string_view text :
       {kPencil, kYescrypt, kSha512, kSha256, kBcrypt}) {
    const absl::StatusOr<Verifier> verifier = Verifier::Parse(text);
    ASSERT_TRUE(verifier.ok()) << text << verifier.status();
    const struct {
      std::string password;
      bool right;
    } cases[] = {
        {"pencil", true},
        {"pencils", false},
        {"Pencil", false},
        {"penci", false},
        {"", false},
        {std::string("pencil\0", 7), false},
        {std::string(600, 'x'), false},  // more than crypt(3) accepts
        {"\xFF", false},                 // not UTF-8
    };
    for (const auto& [password, right] : cases) {
      const absl::StatusOr<bool> checked = verifier->Check(password);
      ASSERT_TRUE(checked.ok()) << text << checked.status();
      EXPECT_EQ(*checked, right) << text << " " << password;
    }
  }
}

TEST(VerifierTest, AHashOfTheEmptyPasswordAcceptsNoPassword) {
  const Verifier empty(DeriveScramKeys("", "saltsaltsaltsalt", 4096));
  EXPECT_FALSE(*empty.Check("\xFF"));
  EXPECT_FALSE(*empty.Check(""));
  const Verifier crypt = *Verifier::Parse(
      "$5$saltsaltsalt$fCvVYi2nqBSEtwfw.G6rwZZO0luLgRM.GHO2mEUJAb2");
  EXPECT_FALSE(*crypt.Check(""));
  EXPECT_FALSE(*crypt.Check(std::string(600, 'x')));
  EXPECT_FALSE(*crypt.Check(std::string(1, '\0')));
}

TEST(VerifierTest, ScramAcceptsAllWaysToTypeAPassword) {
  const absl::StatusOr<Verifier> verifier =
      Verifier::MakeScram("u\xCC\x88", Verifier::kMinIterations);
  ASSERT_TRUE(verifier.ok()) << verifier.status();
  EXPECT_TRUE(*verifier->Check("\xC3\xBC"));
  EXPECT_FALSE(*verifier->Check("u"));
}

TEST(VerifierTest, EachNewVerifierHasItsOwnSalt) {
  const auto scram = [] { return *Verifier::MakeScram("pencil", 4096); };
  const auto yescrypt = [] { return *Verifier::MakeYescrypt("pencil"); };
  EXPECT_NE(scram().text(), scram().text());
  EXPECT_NE(yescrypt().text(), yescrypt().text());
  EXPECT_TRUE(*scram().Check("pencil"));
  EXPECT_TRUE(*yescrypt().Check("pencil"));
  EXPECT_EQ(scram().scram()->salt.size(), Verifier::kSaltSize);
  EXPECT_TRUE(absl::StartsWith(yescrypt().text(), "$y$"));
  EXPECT_TRUE(absl::StartsWith(Verifier::MakeScram("pencil")->text(),
                               "SCRAM-SHA-256$65536:"));
}

TEST(VerifierTest, RefusesInvalidPasswords) {
  for (const std::string& password :
       {std::string(), std::string("a\0b", 3), std::string("\x7f")}) {
    EXPECT_EQ(Verifier::MakeScram(password).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  for (const std::string& password :
       {std::string(), std::string("a\0b", 3), std::string(512, 'x')}) {
    EXPECT_EQ(Verifier::MakeYescrypt(password).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(Verifier::MakeScram("pencil", 4095).ok());
  EXPECT_FALSE(Verifier::MakeScram("pencil", 5000001).ok());
}

TEST(VerifierTest, RefusesInvalidVerifiersWithoutShowingThem) {
  const std::string good = kPencil;
  const absl::string_view cases[] = {
      "",
      "pencil",
      "{PLAIN}pencil",
      "$1$saltsalt$2sAfjWrlXOJvXDyeV7xwz1",  // md5crypt
      "ab01FAX.bQRSU",                       // DES
      "_J9..rasmBYk8r9AiWNc",                // BSDi
      "$3$$8846f7eaee8fb117ad06bdd830b7586c",
      "$y$j9T$$",
      "$y$",
      "$6$salt",
      "$6$salt$short",
      "$5$$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1",             // no salt
      "$2b$05$bd86q4V3wvThik2HYT67aexCeDVB/sGxOoV3WsA1nTl3ImAIEYq",  // short
      "$2b$005$bd86q4V3wvThik2HYT67aexCeDVB/sGxOoV3WsA1nTl3ImAIEYqca",
      "SCRAM-SHA-256$",
      "SCRAM-SHA-256$4096:c2FsdA==",
      "SCRAM-SHA-256$4096:c2FsdA==$c2FsdA==:c2FsdA==",  // short keys
      "SCRAM-SHA-256$:$:",
      "SCRAM-SHA-256:4096$c2FsdA==$c2FsdA==:c2FsdA==",
  };
  for (const absl::string_view text : cases) {
    const absl::Status status = Verifier::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    if (text.empty() || text.back() == '$') continue;  // only a scheme
    EXPECT_FALSE(absl::StrContains(status.message(), text)) << text;
  }
  for (const char* iterations : {"4095", "5000001", "04096", "+4096", " 4096",
                                 "0", "-1", "", "99999999999", "4096 "}) {
    const std::string text = "SCRAM-SHA-256$" + std::string(iterations) +
                             good.substr(good.find(':'));
    EXPECT_FALSE(Verifier::Parse(text).ok()) << text;
  }
  for (size_t i = 0; i < good.size(); ++i) {
    std::string other = good;
    other[i] = '\x01';
    EXPECT_FALSE(Verifier::Parse(other).ok()) << i;
    EXPECT_FALSE(Verifier::Parse(good.substr(0, i)).ok()) << i;
  }
  for (const absl::string_view text :
       {kPencil, kYescrypt, kSha512, kSha256, kBcrypt}) {
    EXPECT_FALSE(Verifier::Parse(std::string(text) + " ").ok()) << text;
    EXPECT_FALSE(Verifier::Parse(std::string(text) + ":x").ok()) << text;
  }
}

TEST(VerifierTest, CostIsSchemeAndParameters) {
  const struct {
    absl::string_view text;
    absl::string_view cost;
  } cases[] = {
      {kPencil, "SCRAM-SHA-256$4096"},
      {kYescrypt, "$y$j9T$"},
      {kSha512, "$6$rounds=5000$"},
      {kSha256, "$5$"},
      {kBcrypt, "$2b$05$"},
  };
  for (const auto& [text, cost] : cases) {
    EXPECT_EQ(Verifier::Parse(text)->cost(), cost);
  }
}

TEST(VerifierTest, AStandInHasTheSameCostAndNoPassword) {
  for (const absl::string_view text :
       {kPencil, kYescrypt, kSha512, kSha256, kBcrypt}) {
    const Verifier verifier = *Verifier::Parse(text);
    const Verifier other = verifier.StandIn();
    EXPECT_EQ(other.cost(), verifier.cost());
    EXPECT_EQ(*Verifier::Parse(other.text()), other);
    const absl::StatusOr<bool> checked = other.Check("pencil");
    ASSERT_TRUE(checked.ok()) << text << checked.status();
    EXPECT_FALSE(*checked);
  }
}

}  // namespace
}  // namespace postern::auth
