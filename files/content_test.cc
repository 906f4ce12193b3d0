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
#include "files/test_folder.h"
#include "gtest/gtest.h"

namespace postern::files {
namespace {

constexpr size_t kEnough = size_t{1} << 20;

TEST(ContentTest, ReadsTheWholeFile) {
  TestFolder folder;
  for (const size_t size : {0u, 1u, 4095u, 4096u, 4097u, 100000u}) {
    folder.Write("x", std::string(size, 'x'));
    const absl::StatusOr<Content> content = ReadContent(folder.File("x"), size);
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
  TestFolder folder;
  folder.Write("x", "");
  errno = EINTR;
  EXPECT_TRUE(ReadContent(folder.File("x"), kEnough).ok());
}

TEST(ContentTest, ErrorsNameThePath) {
  TestFolder folder;
  folder.MakeDirectory("folder");
  folder.MakeLoop("loop");
  for (const char* name : {"missing", "folder", "loop"}) {
    const absl::Status status =
        ReadContent(folder.File(name), kEnough).status();
    EXPECT_EQ(absl::IsNotFound(status), std::string(name) == "missing");
    EXPECT_FALSE(status.ok());
    EXPECT_TRUE(absl::StrContains(status.message(), folder.File(name)));
  }
}

TEST(ContentTest, AFifoIsAnErrorWithoutWaiting) {
  TestFolder folder;
  ASSERT_EQ(mkfifo(folder.File("fifo").c_str(), 0600), 0);
  const absl::Status status =
      ReadContent(folder.File("fifo"), kEnough).status();
  EXPECT_EQ(status.message(),
            folder.File("fifo") + ": is a FIFO, not a regular file");
}

TEST(ContentTest, DoesNotReadAFileThatIsTooLarge) {
  TestFolder folder;
  folder.Write("x", "123");
  // The largest size on many file systems. The file uses no disk space.
  folder.Write("sparse", "");
  ASSERT_EQ(truncate(folder.File("sparse").c_str(), off_t{8} << 40), 0);
  const struct {
    std::string path;
    size_t max_size;
  } cases[] = {{folder.File("x"), 2},
               {folder.File("x"), 0},
               {folder.File("sparse"), kEnough},
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
