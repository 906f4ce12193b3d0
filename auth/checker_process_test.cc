// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/session_info.h"
#include "gtest/gtest.h"
#include "system/child_process.h"

namespace postern::auth {
namespace {

// Returns "yes OUTPUT", "no" or the reason of an outage.
std::string Ask(const std::string& script, size_t optional = 0,
                size_t max_output = 0, const std::string& fields = "secret",
                absl::Duration timeout = absl::Seconds(60)) {
  const std::vector<std::string> command = {"/bin/sh", "-c", script};
  const CheckerAnswer answer = AskChecker({.command = command,
                                           .fields = fields,
                                           .optional = optional,
                                           .max_output = max_output,
                                           .timeout = timeout},
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

TEST(CheckerProcessTest, AYesCountsOnlyIfTheSecretWasRead) {
  constexpr char kUnread[] =
      "exit code 0, but it has not read the secret: is it a checker?";
  EXPECT_EQ(Ask("cat <&3 >/dev/null"), "yes ");
  EXPECT_EQ(Ask("true"), kUnread);
  EXPECT_EQ(Ask("head -c 5 <&3 >/dev/null"), kUnread);
  EXPECT_EQ(Ask("head -c 5 <&3 >/dev/null", /*optional=*/1), "yes ");
  EXPECT_EQ(Ask("head -c 4 <&3 >/dev/null", /*optional=*/1), kUnread);
  EXPECT_EQ(Ask("exit 1"), "no");
}

// Does not use the table: these codes mean no, and all others except 0 mean an
// outage.
TEST(CheckerProcessTest, EachExitCodeHasTheDocumentedMeaning) {
  const std::set<int> no = {1, 3, 12, 13, 20, 21, 22, 23};
  for (int code = 1; code < 256; ++code) {
    EXPECT_EQ(Ask(absl::StrCat("exit ", code)),
              no.count(code) > 0 ? "no" : absl::StrCat("exited with ", code));
  }
  EXPECT_EQ(Ask("cat <&3 >/dev/null; exit 0"), "yes ");
  for (const int signal : {SIGHUP, SIGKILL, SIGSEGV, SIGPIPE, SIGTERM}) {
    EXPECT_EQ(Ask(absl::StrCat("cat <&3 >/dev/null; kill -", signal, " $$")),
              "was killed by a signal");
  }
}

TEST(CheckerProcessTest, TheTableListsEachExitCodeOnce) {
  std::set<int> codes;
  for (const CheckerExit& row : kCheckerExits) {
    EXPECT_TRUE(codes.insert(row.code).second) << row.code;
    EXPECT_EQ(KindOfCheckerExit(row.code), row.kind);
    EXPECT_NE(row.meaning, "");
  }
  EXPECT_EQ(KindOfCheckerExit(-1), CheckerAnswer::Kind::kUnknown);
  EXPECT_EQ(KindOfCheckerExit(256), CheckerAnswer::Kind::kUnknown);
}

TEST(CheckerProcessTest, ReadsOutputOnlyIfItIsAllowed) {
  EXPECT_EQ(Ask("cat <&3"), "yes ");
  EXPECT_EQ(Ask("cat <&3 >/dev/null; [ -c /dev/fd/1 ]"), "yes ");
  EXPECT_EQ(Ask("cat <&3 >/dev/null; [ -p /dev/fd/1 ]", 0, 1), "yes ");
  EXPECT_EQ(Ask("cat <&3", 0, 6), "yes secret");
  EXPECT_EQ(Ask("cat <&3", 0, 5), "exit code 0, but its output is too long");
}

TEST(CheckerProcessTest, OutputWithoutEndDoesNotExtendTheTimeout) {
  EXPECT_EQ(Ask("cat <&3 >/dev/null; exec cat /dev/zero", 0, 5, "secret",
                absl::Milliseconds(50)),
            "took too long and was killed");
}

// If there are no free descriptors, a checker must not get one of this process,
// such as the connection.
TEST(CheckerProcessTest, WithoutFreeDescriptorsTheAnswerIsAnOutage) {
  // Makes the lowest free descriptor the first that a child's pipe may use, so
  // that the pipe gets this one and the next.
  std::vector<int> held;
  do {
    held.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  } while (held.back() < system::ChildProcess::kDescriptors - 1);
  const int first = dup(held.back());
  const int second = dup(held.back());
  ASSERT_EQ(second, first + 1);
  close(first);
  close(second);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const auto limited = [&](int descriptors) {
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(descriptors);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    const std::string answer = Ask("cat <&3 >/dev/null");
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    return answer;
  };
  EXPECT_EQ(limited(first), "no pipe");
  EXPECT_EQ(limited(first + 1), "no pipe");
  EXPECT_EQ(limited(first + 2), "cannot open /dev/null");
  EXPECT_EQ(limited(first + 3), "yes ");
  for (const int fd : held) close(fd);
}

TEST(CheckerProcessTest, ASecretLargerThanThePipeIsAnOutage) {
  EXPECT_EQ(Ask("wc -c <&3", 0, 20, std::string(60000, 'x')), "yes 60000\n");
  EXPECT_EQ(Ask("wc -c <&3", 0, 20, std::string(1 << 20, 'x')),
            "cannot write to a pipe");
}

}  // namespace
}  // namespace postern::auth
