// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/cdb_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/cdb.h"
#include "files/replacement.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace {

// The number of calls of write(2) that succeed before one fails; -1: all
// succeed.
thread_local int writes_before_failure = -1;

}  // namespace

// Replaces the C library's write() for the code under test.
extern "C" __attribute__((visibility("default"))) ssize_t write(
    int fd, const void* data, size_t size) {
  if (writes_before_failure >= 0 && writes_before_failure-- == 0) {
    errno = ENOSPC;
    return -1;
  }
  return syscall(SYS_write, fd, data, size);
}

namespace postern::files {
namespace {

TEST(CdbWriterTest, WrittenRecordsAreFound) {
  TestDirectory directory;
  std::vector<CdbRecord> records = {
      {"", "the empty key"},
      {"twice", "first"},
      {"twice", "second"},
      {std::string("nul\0key", 7), std::string(5000, 'v')},
  };
  for (int i = 0; i < 1000; ++i) {
    records.emplace_back(absl::StrCat("key", i), absl::StrCat(i));
  }
  absl::StatusOr<Replacement> file =
      Replacement::Begin(directory.File("x.cdb"), 0600);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(WriteCdb(records, &*file).ok());
  ASSERT_TRUE(file->Commit().ok());
  const absl::StatusOr<Cdb> cdb = Cdb::Open(directory.File("x.cdb"));
  ASSERT_TRUE(cdb.ok()) << cdb.status();
  for (const auto& [key, data] : records) {
    if (data == "second") continue;
    EXPECT_EQ(*cdb->Find(key), std::optional(data)) << key;
  }
  EXPECT_EQ(*cdb->Find("absent"), std::nullopt);
}

TEST(CdbWriterTest, AFailureToWriteIsAnError) {
  TestDirectory directory;
  absl::StatusOr<Replacement> file =
      Replacement::Begin(directory.File("x.cdb"), 0600);
  ASSERT_TRUE(file.ok()) << file.status();
  // A descriptor that is not open for writing acts like a full disk.
  const int closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(dup2(closed, file->fd()), file->fd());
  close(closed);
  EXPECT_FALSE(WriteCdb({{"key", "data"}}, &*file).ok());
}

// The disk is full for a moment: later writes succeed.
TEST(CdbWriterTest, ASingleFailedWriteIsAnError) {
  TestDirectory directory;
  const std::vector<CdbRecord> records(20, {"key", std::string(5000, 'v')});
  int failures = 0;
  for (int before = 0; before < 1000; ++before) {
    absl::StatusOr<Replacement> file =
        Replacement::Begin(directory.File("x.cdb"), 0600);
    ASSERT_TRUE(file.ok()) << file.status();
    writes_before_failure = before;
    const absl::Status status = WriteCdb(records, &*file);
    const bool failed = writes_before_failure == -1;
    writes_before_failure = -1;
    EXPECT_EQ(status.ok(), !failed) << before << " " << status;
    if (!failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 10);
}

TEST(CdbWriterTest, ReplacementIsReadableForAllUsersAndKeepsAModeThatIsThere) {
  TestDirectory directory;
  const std::string path = directory.File("x.cdb");
  umask(077);
  ASSERT_TRUE(ReplaceCdb(path, {{"key", "old"}}).ok());
  struct stat facts = {};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0644u);
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  ASSERT_TRUE(ReplaceCdb(path, {{"key", "new"}}).ok());
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0640u);
  EXPECT_EQ(*Cdb::Open(path)->Find("key"), std::optional<std::string>("new"));
}

// The disk becomes full at each write in turn.
TEST(CdbWriterTest, OldDatabaseSurvivesEveryFailedWrite) {
  TestDirectory directory;
  const std::string path = directory.File("x.cdb");
  ASSERT_TRUE(ReplaceCdb(path, {{"key", "old"}}).ok());
  const std::string old = directory.Read("x.cdb");
  const std::vector<CdbRecord> records(5, {"key", std::string(5000, 'v')});
  int failures = 0;
  for (int before = 0; before < 1000; ++before) {
    writes_before_failure = before;
    const absl::Status status = ReplaceCdb(path, records);
    const bool failed = writes_before_failure == -1;
    writes_before_failure = -1;
    EXPECT_EQ(status.ok(), !failed) << before << " " << status;
    if (!failed) break;
    ++failures;
    EXPECT_TRUE(absl::StartsWith(status.message(), path + ": ")) << status;
    EXPECT_EQ(directory.Read("x.cdb"), old);
    EXPECT_EQ(directory.List("."), std::vector<std::string>{"x.cdb"});
  }
  EXPECT_GT(failures, 3);
  EXPECT_NE(directory.Read("x.cdb"), old);
}

}  // namespace
}  // namespace postern::files
