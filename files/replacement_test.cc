// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/replacement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::files {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

absl::Status ReplaceFile(absl::string_view path, mode_t mode,
                         absl::string_view bytes) {
  absl::StatusOr<Replacement> replacement = Replacement::Begin(path, mode);
  if (!replacement.ok()) return replacement.status();
  const absl::Status written = replacement->Write(bytes);
  return written.ok() ? replacement->Commit() : written;
}

class ReplacementTest : public testing::Test {
 protected:
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& file :
         std::filesystem::directory_iterator(directory_.path())) {
      names.push_back(file.path().filename());
    }
    return names;
  }
  mode_t Mode() const {
    struct stat status = {};
    EXPECT_EQ(stat(path_.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  TestDirectory directory_;
  const std::string path_ = directory_.File("x");
};

// A program may be started with a closed standard input.
TEST_F(ReplacementTest, TheDescriptorMayBeZero) {
  const int input = fcntl(0, F_DUPFD_CLOEXEC, 3);
  close(0);
  {
    absl::StatusOr<Replacement> replacement = Replacement::Begin(path_, 0600);
    ASSERT_TRUE(replacement.ok()) << replacement.status();
    EXPECT_EQ(replacement->fd(), 0);
    EXPECT_TRUE(replacement->Write("new").ok());
    EXPECT_TRUE(replacement->Commit().ok());
  }
  if (input >= 0) {
    dup2(input, 0);
    close(input);
  }
}

TEST_F(ReplacementTest, TheOldFileStaysUntilCommit) {
  directory_.Write("x", "old");
  absl::StatusOr<Replacement> next = Replacement::Begin(path_, 0600);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE(next->Write("ne").ok());
  EXPECT_TRUE(next->Write("w").ok());
  EXPECT_TRUE(next->Sync().ok());
  EXPECT_EQ(directory_.Read("x"), "old");
  EXPECT_TRUE(next->Commit().ok());
  EXPECT_EQ(directory_.Read("x"), "new");
  EXPECT_THAT(Names(), ElementsAre("x"));
}

TEST_F(ReplacementTest, WithoutCommitTheTemporaryFileIsRemoved) {
  {
    absl::StatusOr<Replacement> next = Replacement::Begin(path_, 0600);
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_TRUE(next->Write("new").ok());
    EXPECT_EQ(Names().size(), 1u);
  }
  EXPECT_THAT(Names(), ElementsAre());
}

TEST_F(ReplacementTest, TheUmaskDoesNotChangeTheModeOfANewFile) {
  const mode_t mask = umask(0077);
  EXPECT_TRUE(ReplaceFile(path_, 0640, "x").ok());
  umask(mask);
  EXPECT_EQ(Mode(), 0640u);
}

TEST_F(ReplacementTest, KeepsTheModeOfTheOldFile) {
  directory_.Write("x", "old");
  for (const mode_t mode : {0600u, 0640u, 0444u}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_TRUE(ReplaceFile(path_, 0666, "new").ok());
    EXPECT_EQ(Mode(), mode);
  }
}

TEST_F(ReplacementTest, ANewFileCanTakeTheModeOfAnotherFile) {
  directory_.Write("other", "x");
  ASSERT_EQ(chmod(directory_.File("other").c_str(), 0640), 0);
  ASSERT_TRUE(
      Replacement::Begin(path_, 0600, directory_.File("other"))->Commit().ok());
  EXPECT_EQ(Mode(), 0640u);
  // An existing file keeps its own mode.
  ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
  ASSERT_TRUE(
      Replacement::Begin(path_, 0600, directory_.File("other"))->Commit().ok());
  EXPECT_EQ(Mode(), 0400u);
  directory_.Remove("x");
  ASSERT_TRUE(
      Replacement::Begin(path_, 0604, directory_.File("none"))->Commit().ok());
  EXPECT_EQ(Mode(), 0604u);
}

TEST_F(ReplacementTest, KeepsOwnerAndGroupOfTheOldFile) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  directory_.Write("x", "old");
  ASSERT_EQ(chown(path_.c_str(), 1, 2), 0);
  EXPECT_TRUE(ReplaceFile(path_, 0600, "new").ok());
  struct stat status = {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1u);
  EXPECT_EQ(status.st_gid, 2u);
}

TEST_F(ReplacementTest, ReplacesTheTargetOfASymbolicLink) {
  directory_.Write("real", "old");
  std::filesystem::create_symlink("real", path_);
  EXPECT_TRUE(ReplaceFile(path_, 0600, "new").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(directory_.Read("real"), "new");
  EXPECT_THAT(Names(), UnorderedElementsAre("real", "x"));
}

TEST_F(ReplacementTest, ErrorsNameThePath) {
  const absl::Status status = ReplaceFile(directory_.File("no/x"), 0600, "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(status.message(), directory_.File("no/x")));
  directory_.MakeDirectory("x");
  EXPECT_TRUE(
      absl::StrContains(ReplaceFile(path_, 0600, "x").message(), path_));
  EXPECT_THAT(Names(), ElementsAre("x"));
}

}  // namespace
}  // namespace postern::files
