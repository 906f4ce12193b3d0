// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/token_source.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

absl::StatusOr<BearerToken> Ask(const std::string& script,
                                absl::Duration timeout = absl::Minutes(1)) {
  return AskForToken({"/bin/sh", "-c", script}, {{"NAME", "value"}}, timeout);
}

TEST(TokenSourceTest, TokenIsOneLine) {
  auto token = Ask("echo ya29.a-b_c~d+e/f==");
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->text, "ya29.a-b_c~d+e/f==");
  EXPECT_EQ(token->lifetime, absl::InfiniteDuration());
  token = Ask("printf 'x 3599'");
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->text, "x");
  EXPECT_EQ(token->lifetime, absl::Seconds(3599));
  // The environment is the given one.
  EXPECT_EQ(Ask("echo $NAME$HOME")->text, "value");
  EXPECT_EQ(Ask("cat; echo x")->text, "x");
}

TEST(TokenSourceTest, FailuresNameTheProgramAndNoOutput) {
  const struct {
    std::string script;
    absl::string_view why;
  } cases[] = {
      {"echo hunter2; exit 3", "exited with 3"},
      {"exit 0", "not one line with a token"},
      {"echo; echo hunter2", "not one line with a token"},
      {"echo hunter2; echo hunter2", "not one line with a token"},
      {"echo 'hunter2!'", "not one line with a token"},
      {"echo hunter2 soon", "not a number of seconds"},
      {"echo hunter2 0", "not a number of seconds"},
      {"head -c 12001 /dev/zero | tr '\\0' x", "too long"},
      {"kill -9 $$", "signal"},
  };
  for (const auto& c : cases) {
    const auto token = Ask(c.script);
    ASSERT_FALSE(token.ok()) << c.script;
    EXPECT_TRUE(absl::StrContains(token.status().message(), c.why))
        << token.status();
    EXPECT_TRUE(absl::StartsWith(token.status().message(), "/bin/sh: "))
        << token.status();
    EXPECT_FALSE(absl::StrContains(token.status().message(), "hunter2"));
  }
  EXPECT_FALSE(AskForToken({"/nowhere/token"}, {}, absl::Minutes(1)).ok());
}

TEST(TokenSourceTest, ProgramThatHangsIsKilled) {
  const auto token = Ask("exec sleep 600", absl::Milliseconds(20));
  EXPECT_TRUE(absl::StrContains(token.status().message(), "took too long"))
      << token.status();
}

}  // namespace
}  // namespace postern::auth
