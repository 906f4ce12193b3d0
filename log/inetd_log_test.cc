// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/inetd_log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <initializer_list>

#include "gtest/gtest.h"
#include "log/log.h"

namespace postern::log {
namespace {

bool Same(int a, int b) {
  struct stat of_a = {};
  struct stat of_b = {};
  return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 &&
         of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

// Runs `what` in a process that has `descriptors` as 0, 1 and 2. Returns its
// exit code.
int With(std::initializer_list<int> descriptors,
         const std::function<int()>& what) {
  const pid_t pid = fork();
  if (pid == 0) {
    int number = 0;
    for (const int fd : descriptors) dup2(fd, number++);
    _exit(what());
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

class InetdLogTest : public testing::Test {
 protected:
  InetdLogTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, client_), 0);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, journal_), 0);
    EXPECT_EQ(pipe(pipe_), 0);
    null_ = open("/dev/null", O_RDWR);
  }
  ~InetdLogTest() override {
    for (int fd : {client_[0], client_[1], journal_[0], journal_[1], pipe_[0],
                   pipe_[1], null_}) {
      close(fd);
    }
  }

  int client_[2];
  int journal_[2];
  int pipe_[2];
  int null_;
};

TEST_F(InetdLogTest, LogLinesDoNotReachTheConnection) {
  const auto keeps_off = [this] {
    if (!KeepLogOffConnection()) return 1;
    if (!Same(STDERR_FILENO, null_)) return 2;
    if (fcntl(STDERR_FILENO, F_GETFD) != 0) return 3;  // children inherit it
    WriteLog("not for the client");
    GiveConnectionBack();
    if (!Same(STDERR_FILENO, client_[1])) return 4;
    return KeepLogOffConnection() && Same(STDERR_FILENO, null_) ? 0 : 5;
  };
  // Descriptors 0, 1 and 2 are the socket with inetd. A program in between may
  // replace 0 or 1.
  EXPECT_EQ(With({client_[1], client_[1], client_[1]}, keeps_off), 0);
  EXPECT_EQ(With({client_[1], pipe_[1], client_[1]}, keeps_off), 0);
  EXPECT_EQ(With({pipe_[0], client_[1], client_[1]}, keeps_off), 0);
  char octet = 0;
  EXPECT_EQ(recv(client_[0], &octet, 1, MSG_DONTWAIT), -1);
}

TEST_F(InetdLogTest, AnyOtherDescriptorIsALog) {
  const auto leaves = [](int log) {
    return [log] {
      if (KeepLogOffConnection()) return 1;
      GiveConnectionBack();
      return Same(STDERR_FILENO, log) ? 0 : 2;
    };
  };
  for (const int log : {journal_[1], pipe_[1], null_}) {
    EXPECT_EQ(With({client_[1], client_[1], log}, leaves(log)), 0);
  }
  // Started by hand at a terminal, which a pipe and a file replace here.
  EXPECT_EQ(With({pipe_[1], pipe_[1], pipe_[1]}, leaves(pipe_[1])), 0);
  EXPECT_EQ(With({null_, null_, null_}, leaves(null_)), 0);
}

}  // namespace
}  // namespace postern::log
