// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "system/pipe.h"

namespace postern::system {
namespace {

using End = ChildProcess::End;

const Deadline kNever(absl::InfiniteDuration());

// Returns a shell that runs `script` with `descriptors`.
ChildProcess Shell(
    const std::string& script,
    absl::Span<const std::pair<int, int>> descriptors = {},
    absl::Span<const std::pair<std::string, std::string>> environment = {},
    const std::string& home = "") {
  const std::string arguments[] = {"/bin/sh", "-c", script, "sh", "$1"};
  auto child = ChildProcess::Start({.arguments = arguments,
                                    .home = home,
                                    .environment = environment,
                                    .descriptors = descriptors});
  EXPECT_TRUE(child.ok()) << child.status();
  return *std::move(child);
}

TEST(ChildProcessTest, ReportsHowAProgramEnded) {
  struct Row {
    const char* script;
    End end;
    int code;
  };
  for (const Row& row :
       {Row{"exit 0", End::kExited, 0}, Row{"exit 111", End::kExited, 111},
        Row{"kill -9 $$", End::kKilled, 0},
        Row{"test \"$1\" = '$1'", End::kExited, 0},
        Row{"kill -PIPE $$", End::kKilled, 0}}) {
    signal(SIGPIPE, SIG_IGN);
    const auto result = Shell(row.script).Wait(kNever);
    EXPECT_EQ(result.end, row.end) << row.script;
    EXPECT_EQ(result.code, row.code) << row.script;
  }
}

TEST(ChildProcessTest, DescriptorsOfLibrariesAreNotInherited) {
  // As a library opens it, without O_CLOEXEC.
  const int library = fcntl(STDERR_FILENO, F_DUPFD, ChildProcess::kDescriptors);
  ASSERT_GE(library, ChildProcess::kDescriptors);
  const std::string script = "test ! -e /proc/$$/fd/" + std::to_string(library);
  EXPECT_EQ(Shell(script).Wait(kNever).code, 0);
  close(library);
}

TEST(ChildProcessTest, DescribesHowAChildEnded) {
  EXPECT_EQ(DescribeEnd({End::kExited, 0}), "exited with 0");
  EXPECT_EQ(DescribeEnd({End::kExited, 111}), "exited with 111");
  EXPECT_EQ(DescribeEnd({End::kKilled}), "was killed by a signal");
  EXPECT_EQ(DescribeEnd({End::kTimeout}), "took too long and was killed");
  EXPECT_TRUE(absl::StrContains(DescribeEnd({End::kLeft}), "still runs"));
  EXPECT_TRUE(absl::StrContains(DescribeEnd({End::kLost}), "SIGCHLD"));
}

TEST(ChildProcessTest, KillsAProgramAtTheDeadline) {
  const auto result = Shell("sleep 600").Wait(Deadline(absl::Milliseconds(20)));
  EXPECT_EQ(result.end, End::kTimeout);
}

TEST(ChildProcessTest, EndAllKillsAllChildrenAndPreventsNewOnes) {
  const pid_t tester = fork();  // EndAll() affects only its own children
  if (tester == 0) {
    ChildProcess first = Shell("sleep 600");
    ChildProcess second = Shell("sleep 600");
    const size_t unkillable = ChildProcess::EndAll();
    const std::string program[] = {"/bin/true"};
    const bool right =
        unkillable == 0 && first.Wait(kNever).end == End::kKilled &&
        second.Wait(kNever).end == End::kKilled &&
        absl::IsUnavailable(
            ChildProcess::Start({.arguments = program}).status());
    _exit(right ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(tester, &status, 0), tester);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(ChildProcessTest, TheDestructorKillsTheChild) {
  pid_t pid;
  {
    const ChildProcess child = Shell("sleep 600");
    pid = child.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(ChildProcessTest, SetsDescriptorsEnvironmentAndDirectory) {
  Descriptor in;
  Descriptor to_in;
  Descriptor out;
  Descriptor to_out;
  ASSERT_TRUE(MakePipe(&in, &to_in));
  ASSERT_TRUE(MakePipe(&out, &to_out));
  for (const Descriptor* end : {&in, &to_in, &out, &to_out}) {
    EXPECT_GE(end->get(), ChildProcess::kDescriptors);
  }
  ASSERT_EQ(write(to_in.get(), "text", 4), 4);
  to_in.Reset();
  const std::pair<int, int> descriptors[] = {{in.get(), 3}, {to_out.get(), 1}};
  const std::pair<std::string, std::string> environment[] = {
      {"A", "first"}, {"A", "last"}, {"B=C", "x"}, {"", "x"}};
  ChildProcess child =
      Shell("cat <&3; echo \" $A $B $(pwd)\"", descriptors, environment, "/");
  to_out.Reset();
  std::string text;
  const auto result = child.Wait(kNever, out, [&] {
    char buffer[100];
    const ssize_t n = read(out.get(), buffer, sizeof(buffer));
    if (n <= 0) return out.Reset();
    text.append(buffer, static_cast<size_t>(n));
  });
  EXPECT_EQ(result.code, 0);
  while (out.is_open()) {
    char buffer[100];
    const ssize_t n = read(out.get(), buffer, sizeof(buffer));
    if (n <= 0) out.Reset();
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
  }
  EXPECT_EQ(text, "text last  /\n");
}

// The child must not use a descriptor of this process in place of one that it
// lacks.
TEST(ChildProcessTest, DoesNotStartIfADescriptorIsClosed) {
  Descriptor read_end;
  Descriptor write_end;
  ASSERT_TRUE(MakePipe(&read_end, &write_end));
  const std::string arguments[] = {"/bin/true"};
  const std::pair<int, int> closed[] = {{read_end.get(), 0}, {-1, 1}};
  const auto child =
      ChildProcess::Start({.arguments = arguments, .descriptors = closed});
  EXPECT_FALSE(child.ok());
  EXPECT_EQ(child.status().message(), "/bin/true: Bad file descriptor");
}

TEST(ChildProcessTest, NamesAProgramThatCannotRun) {
  const std::string missing[] = {"/nowhere/program"};
  const auto child = ChildProcess::Start({.arguments = missing});
  EXPECT_TRUE(absl::IsNotFound(child.status()));
  EXPECT_EQ(child.status().message().substr(0, 16), "/nowhere/program");
  const std::string folder[] = {"/etc"};
  EXPECT_TRUE(absl::IsPermissionDenied(
      ChildProcess::Start({.arguments = folder}).status()));
}

}  // namespace
}  // namespace postern::system
