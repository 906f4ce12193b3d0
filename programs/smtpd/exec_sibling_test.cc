// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd/exec_sibling.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::programs {
namespace {

using ::testing::HasSubstr;

TEST(ExecSiblingTest, ErrorNamesAMissingProgram) {
  char name[] = "postern-smtpd";
  char* const arguments[] = {name};
  const absl::Status status = ExecSibling("no-such-program", arguments, "");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("/no-such-program: No such file"));
}

// The test runs its own program again. The program then lists the tests.
TEST(ExecSiblingTest, PassesArgumentsWithOneMoreInFront) {
  char self[4096];
  const ssize_t size = readlink("/proc/self/exe", self, sizeof(self));
  ASSERT_GT(size, 0);
  const std::string path(self, static_cast<size_t>(size));
  const std::string name = path.substr(path.rfind('/') + 1);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char argv0[] = "postern-smtpd";
    // --gtest_list_tests makes GoogleTest list the tests without running them.
    char brief[] = "--gtest_brief=1";
    char* const arguments[] = {argv0, brief};
    unsetenv("XML_OUTPUT_FILE");  // belongs to the parent process
    if (freopen("/dev/null", "w", stdout) == nullptr) _exit(2);
    (void)ExecSibling(name, arguments, "--gtest_list_tests");
    _exit(3);  // only reached if it returns
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace postern::programs
