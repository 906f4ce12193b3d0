// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checker_process.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/session_info.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// "yes OUTPUT", "no" or why nobody can tell.
std::string Ask(const std::string& script, size_t optional = 0,
                size_t max_output = 0, const std::string& fields = "secret") {
  const std::vector<std::string> command = {"/bin/sh", "-c", script};
  const CheckerAnswer answer = AskChecker({.command = command,
                                           .fields = fields,
                                           .optional = optional,
                                           .max_output = max_output,
                                           .timeout = absl::Seconds(60)},
                                          SessionInfo());
  switch (answer.kind) {
    case CheckerAnswer::Kind::kYes:
      return absl::StrCat("yes ", answer.output);
    case CheckerAnswer::Kind::kNo:
      return "no";
    case CheckerAnswer::Kind::kUnknown:
      return answer.why;
  }
  return "";
}

TEST(CheckerProcessTest, AYesNeedsTheSecretRead) {
  constexpr char kUnread[] =
      "says yes, but has not read the secret: is it a checker?";
  EXPECT_EQ(Ask("cat <&3 >/dev/null"), "yes ");
  EXPECT_EQ(Ask("true"), kUnread);
  EXPECT_EQ(Ask("head -c 5 <&3 >/dev/null"), kUnread);
  EXPECT_EQ(Ask("head -c 5 <&3 >/dev/null", /*optional=*/1), "yes ");
  EXPECT_EQ(Ask("head -c 4 <&3 >/dev/null", /*optional=*/1), kUnread);
  EXPECT_EQ(Ask("exit 1"), "no");
  EXPECT_EQ(Ask("cat <&3 >/dev/null; exit 3"), "exit code 3");
}

TEST(CheckerProcessTest, ItsOutputIsReadWhereItIsWanted) {
  EXPECT_EQ(Ask("cat <&3"), "yes ");
  EXPECT_EQ(Ask("cat <&3 >/dev/null; [ -c /dev/fd/1 ]"), "yes ");
  EXPECT_EQ(Ask("cat <&3 >/dev/null; [ -p /dev/fd/1 ]", 0, 1), "yes ");
  EXPECT_EQ(Ask("cat <&3", 0, 6), "yes secret");
  EXPECT_EQ(Ask("cat <&3", 0, 5), "says yes, and too much besides");
}

TEST(CheckerProcessTest, ASecretThatThePipeCannotHoldWaitsForNobody) {
  EXPECT_EQ(Ask("wc -c <&3", 0, 20, std::string(60000, 'x')), "yes 60000\n");
  EXPECT_EQ(Ask("wc -c <&3", 0, 20, std::string(1 << 20, 'x')),
            "cannot write to a pipe");
}

}  // namespace
}  // namespace postern::auth
