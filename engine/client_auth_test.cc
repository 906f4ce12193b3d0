// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/client_auth.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

ClientAuth Begin(absl::string_view mechanism) {
  absl::StatusOr<ClientAuth> auth = ClientAuth::Begin(mechanism, {});
  EXPECT_EQ(auth.status(), absl::OkStatus());
  return *std::move(auth);
}

TEST(ClientAuthTest, SendsAShortResponseWithTheCommand) {
  const std::string octets(500, 'x');
  const struct {
    std::string mechanism;
    std::optional<absl::string_view> initial;
    std::string command;
  } rows[] = {
      {"LOGIN", {}, "AUTH LOGIN\r\n"},
      {"EXTERNAL", "", "AUTH EXTERNAL =\r\n"},
      {"PLAIN", absl::string_view("\0u\0p", 4), "AUTH PLAIN AHUAcA==\r\n"},
      {"PLAIN", absl::string_view(octets).substr(0, 375), "AUTH PLAIN\r\n"},
  };
  for (const auto& row : rows) {
    const auto auth = ClientAuth::Begin(row.mechanism, row.initial);
    ASSERT_EQ(auth.status(), absl::OkStatus());
    EXPECT_EQ(auth->command(), row.command);
    EXPECT_FALSE(auth->challenged());
  }
  // RFC 5321 4.5.3.1.4: at most 496 characters of base64 fit.
  const auto full = ClientAuth::Begin("PLAIN", octets.substr(0, 372));
  ASSERT_EQ(full.status(), absl::OkStatus());
  EXPECT_EQ(full->command().size(), 509u);
}

TEST(ClientAuthTest, ALongResponseAnswersTheFirstChallenge) {
  const std::string long_name(400, 'x');
  absl::StatusOr<ClientAuth> auth = ClientAuth::Begin("PLAIN", long_name);
  ASSERT_EQ(auth.status(), absl::OkStatus());
  EXPECT_EQ(auth->OnChallenge("").size(), 536u + 2);
  EXPECT_FALSE(auth->challenged());
  EXPECT_EQ(auth->OnChallenge("YQ=="), "");
  EXPECT_TRUE(auth->challenged());
  EXPECT_EQ(auth->challenge(), "a");
}

TEST(ClientAuthTest, AnswersChallengesUntilCancelled) {
  ClientAuth auth = Begin("LOGIN");
  EXPECT_EQ(auth.OnChallenge("VXNlcm5hbWU6"), "");
  EXPECT_EQ(auth.challenge(), "Username:");
  EXPECT_EQ(*auth.Respond("u"), "dQ==\r\n");
  EXPECT_FALSE(auth.challenged());
  EXPECT_EQ(auth.OnChallenge(""), "");
  EXPECT_EQ(*auth.Respond(""), "\r\n");
  EXPECT_EQ(auth.OnChallenge(""), "");
  EXPECT_FALSE(auth.cancelled());
  EXPECT_EQ(auth.Cancel(), "*\r\n");
  EXPECT_FALSE(auth.challenged());
  EXPECT_TRUE(auth.cancelled());
}

// RFC 4954 4: a client that cannot decode a challenge cancels.
TEST(ClientAuthTest, CancelsOnInvalidBase64) {
  for (absl::string_view text : {"!!", "YQ", "YQ==YQ==", "Y Q=", "YR==", "="}) {
    ClientAuth auth = Begin("LOGIN");
    EXPECT_EQ(auth.OnChallenge(text), "*\r\n") << text;
    EXPECT_FALSE(auth.challenged());
    EXPECT_TRUE(auth.cancelled());
  }
}

// RFC 4954 4: 12,288 octets, CRLF included.
TEST(ClientAuthTest, RefusesAResponseThatIsTooLong) {
  const std::string most(9213, 'x');
  EXPECT_TRUE(ClientAuth::Begin("PLAIN", most).ok());
  EXPECT_TRUE(
      absl::IsInvalidArgument(ClientAuth::Begin("PLAIN", most + "x").status()));
  ClientAuth auth = Begin("PLAIN");
  EXPECT_EQ(auth.OnChallenge(""), "");
  EXPECT_TRUE(absl::IsInvalidArgument(auth.Respond(most + "x").status()));
  EXPECT_TRUE(auth.challenged());
  EXPECT_EQ(auth.Respond(most)->size(), 12286u);
}

}  // namespace
}  // namespace postern
