// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/content.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::files {
namespace {

constexpr size_t kEnough = size_t{1} << 20;

TEST(ContentTest, ReadsTheWholeFile) {
  TestDirectory directory;
  for (const size_t size : {0u, 1u, 4095u, 4096u, 4097u, 100000u}) {
    directory.Write("x", std::string(size, 'x'));
    const absl::StatusOr<Content> content =
        ReadContent(directory.File("x"), size);
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(content->bytes, std::string(size, 'x'));
    EXPECT_EQ(static_cast<size_t>(content->facts.st_size), size);
  }
}

TEST(ContentTest, ReadsAFileWithoutASize) {
  const absl::StatusOr<Content> content =
      ReadContent("/proc/self/status", kEnough);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_GT(content->bytes.size(), 100u);
}

TEST(ContentTest, IgnoresAnErrnoLeftByAnEarlierCall) {
  TestDirectory directory;
  directory.Write("x", "");
  errno = EINTR;
  EXPECT_TRUE(ReadContent(directory.File("x"), kEnough).ok());
}

TEST(ContentTest, ErrorsNameThePath) {
  TestDirectory directory;
  directory.MakeDirectory("directory");
  directory.MakeLoop("loop");
  for (const char* name : {"missing", "directory", "loop"}) {
    const absl::Status status =
        ReadContent(directory.File(name), kEnough).status();
    EXPECT_EQ(absl::IsNotFound(status), std::string(name) == "missing");
    EXPECT_FALSE(status.ok());
    EXPECT_TRUE(absl::StrContains(status.message(), directory.File(name)));
  }
}

TEST(ContentTest, AFifoIsAnErrorWithoutWaiting) {
  TestDirectory directory;
  ASSERT_EQ(mkfifo(directory.File("fifo").c_str(), 0600), 0);
  const absl::Status status =
      ReadContent(directory.File("fifo"), kEnough).status();
  EXPECT_EQ(status.message(),
            directory.File("fifo") + ": is a FIFO, not a regular file");
}

TEST(ContentTest, DoesNotReadAFileThatIsTooLarge) {
  TestDirectory directory;
  directory.Write("x", "123");
  // The largest size on many file systems. The file uses no disk space.
  directory.Write("sparse", "");
  ASSERT_EQ(truncate(directory.File("sparse").c_str(), off_t{8} << 40), 0);
  const struct {
    std::string path;
    size_t max_size;
  } cases[] = {{directory.File("x"), 2},
               {directory.File("x"), 0},
               {directory.File("sparse"), kEnough},
               {"/dev/zero", kEnough},
               {"/proc/self/status", 10}};
  for (const auto& [path, max_size] : cases) {
    EXPECT_EQ(ReadContent(path, max_size).status(),
              absl::InvalidArgumentError(
                  absl::StrCat(path, ": larger than ", max_size, " octets")));
  }
}

}  // namespace
}  // namespace postern::files
