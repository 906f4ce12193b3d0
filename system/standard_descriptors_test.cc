// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/standard_descriptors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "gtest/gtest.h"

namespace postern::system {
namespace {

bool IsDevNull(int fd) {
  struct stat facts = {};
  return fstat(fd, &facts) == 0 && S_ISCHR(facts.st_mode) &&
         facts.st_rdev == makedev(1, 3);
}

// Runs `what` in a child process, where it may close any descriptor. Returns
// the exit code.
int InChild(const std::function<int()>& what) {
  const pid_t pid = fork();
  if (pid == 0) _exit(what());
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

TEST(StandardDescriptorsTest, OpensDevNullOnEachClosedDescriptor) {
  for (int closed = 0; closed < 8; ++closed) {  // one bit for each descriptor
    EXPECT_EQ(0, InChild([closed] {
                const int other = open("/", O_RDONLY | O_DIRECTORY);
                for (int fd = 0; fd <= 2; ++fd) {
                  (closed & 1 << fd) != 0 ? close(fd) : dup2(other, fd);
                }
                if (!OpenStandardDescriptors().ok()) return 1;
                for (int fd = 0; fd <= 2; ++fd) {
                  if (IsDevNull(fd) != ((closed & 1 << fd) != 0)) return 2 + fd;
                  if (fcntl(fd, F_GETFD) != 0) return 5;  // children inherit it
                }
                // The next file opened gets a higher number.
                return open("/", O_RDONLY | O_DIRECTORY) > 2 ? 0 : 6;
              }))
        << closed;
  }
}

TEST(StandardDescriptorsTest, AnInheritedOutputIsWrittenAndClosed) {
  for (const bool standard : {false, true}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    EXPECT_EQ(0, InChild([&] {
                close(ends[0]);
                const int fd =
                    standard ? dup2(ends[1], STDOUT_FILENO) : ends[1];
                if (standard) close(ends[1]);
                WriteInheritedOutput(fd, "ready\n");
                // Standard output stays open, because the next file would get
                // its number.
                return standard == IsDevNull(fd) ? 0 : 1;
              }));
    close(ends[1]);
    char got[16];
    EXPECT_EQ(read(ends[0], got, sizeof got), 6);
    EXPECT_EQ(read(ends[0], got, sizeof got), 0);  // the end of the file
    close(ends[0]);
  }
}

TEST(StandardDescriptorsTest, AnInheritedOutputMustBeOpenForWriting) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(
      TakeInheritedOutput(ends[0]).message(),
      "descriptor " + std::to_string(ends[0]) + " is not open for writing");
  EXPECT_TRUE(TakeInheritedOutput(ends[1]).ok());
  EXPECT_EQ(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(TakeInheritedOutput(ends[1]).message(),
            "descriptor " + std::to_string(ends[1]) + " is not open");
  const int path = open("/", O_PATH);
  EXPECT_FALSE(TakeInheritedOutput(path).ok());
  close(path);
}

}  // namespace
}  // namespace postern::system
