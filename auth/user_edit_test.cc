// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_edit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "auth/user_file.h"
#include "auth/user_table.h"
#include "auth/verifier.h"
#include "files/replacement.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

constexpr char kCrypt[] =
    "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";

class UserEditTest : public testing::Test {
 protected:
  absl::Status Set(const std::string& name) {
    return EditUsers(path_, MissingFile::kIsEmpty, [&](UserFile* users) {
      users->Set(name, *Verifier::Parse(kCrypt));
      return absl::OkStatus();
    });
  }
  // Returns true if the table has the user.
  bool Has(const std::string& name) {
    const absl::StatusOr<UserTable> table =
        UserTable::Open(UserTablePath(path_));
    return table.ok() && table->Find(name)->has_value();
  }
  void Write(const std::string& text) {
    folder_.Write("users", text);
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  }
  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& file :
         std::filesystem::directory_iterator(folder_.path())) {
      names.insert(file.path().filename());
    }
    return names;
  }

  files::TestDirectory folder_;
  const std::string path_ = folder_.File("users");
};

TEST_F(UserEditTest, ChangesTheFileAndTheTable) {
  ASSERT_TRUE(Set("anna").ok());
  EXPECT_EQ(folder_.Read("users"), absl::StrCat("anna:", kCrypt, "\n"));
  EXPECT_TRUE(Has("anna"));
  struct stat facts = {};
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
  EXPECT_EQ(Names(), (std::set<std::string>{"users", "users.cdb"}));
}

// A command was killed after it changed the table and before it changed the
// file. Then the file was edited by hand.
TEST_F(UserEditTest, AnIncompleteCommandDoesNotUndoAnEditByHand) {
  ASSERT_TRUE(Set("anna").ok());
  const std::string prepared = files::TemporaryPath(path_);
  std::filesystem::copy(path_, prepared);
  const std::string text = absl::StrCat("bert:", kCrypt, "\n");
  Write(text);
  const timespec times[] = {{0, UTIME_NOW}, {4102444800, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  const absl::Status status = Set("carla");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find(prepared), absl::string_view::npos);
  EXPECT_EQ(folder_.Read("users"), text);
  ASSERT_TRUE(std::filesystem::remove(prepared));
  EXPECT_TRUE(Set("carla").ok());
  EXPECT_TRUE(Has("bert"));
}

TEST_F(UserEditTest, CompilesAFileThatIsNotChanged) {
  const std::string text = absl::StrCat("# one\nanna:", kCrypt);
  Write(text);
  const auto nothing = [](UserFile*) { return absl::OkStatus(); };
  ASSERT_TRUE(EditUsers(path_, MissingFile::kIsAnError, nothing).ok());
  EXPECT_EQ(folder_.Read("users"), text);
  EXPECT_TRUE(Has("anna"));
}

TEST_F(UserEditTest, AnErrorLeavesFileAndTableUnchanged) {
  ASSERT_TRUE(Set("anna").ok());
  const absl::Status status =
      EditUsers(path_, MissingFile::kIsEmpty, [](UserFile* users) {
        users->Remove("anna");
        return absl::AbortedError("no");
      });
  EXPECT_EQ(status.message(), "no");
  EXPECT_TRUE(Has("anna"));
  const std::string bad = "anna:none\n";
  Write(bad);
  EXPECT_EQ(Set("bert").message(), UserFile::Read(path_).status().message());
  EXPECT_EQ(folder_.Read("users"), bad);
  EXPECT_FALSE(Has("bert"));
  // The table cannot be written if a directory has its name. The file is then
  // not written either.
  Write("");
  folder_.Remove("users.cdb");
  folder_.MakeDirectory("users.cdb");
  EXPECT_FALSE(Set("bert").ok());
  EXPECT_EQ(folder_.Read("users"), "");
  EXPECT_EQ(Names(), (std::set<std::string>{"users", "users.cdb"}));
}

TEST_F(UserEditTest, AMissingFileIsEmptyOrAnError) {
  const auto nothing = [](UserFile*) { return absl::OkStatus(); };
  EXPECT_TRUE(
      absl::IsNotFound(EditUsers(path_, MissingFile::kIsAnError, nothing)));
  EXPECT_TRUE(Names().empty());
  EXPECT_TRUE(EditUsers(path_, MissingFile::kIsEmpty, nothing).ok());
  EXPECT_EQ(folder_.Read("users"), "");
}

// A new file would remove the users of the table.
TEST_F(UserEditTest, AMissingFileWithATableIsAnError) {
  ASSERT_TRUE(Set("anna").ok());
  folder_.Remove("users");
  const absl::Status status = Set("bert");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find(path_), absl::string_view::npos);
  EXPECT_NE(status.message().find(UserTablePath(path_)),
            absl::string_view::npos);
  EXPECT_TRUE(Has("anna"));
  EXPECT_EQ(Names(), (std::set<std::string>{"users.cdb"}));
  folder_.Remove("users.cdb");
  EXPECT_TRUE(Set("bert").ok());
}

// No server would read the new table.
TEST_F(UserEditTest, ATableThatIsOpenToOtherUsersIsAnError) {
  ASSERT_TRUE(Set("anna").ok());
  const std::string before = folder_.Read("users");
  ASSERT_EQ(chmod(UserTablePath(path_).c_str(), 0644), 0);
  const absl::Status status = Set("bert");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("chmod o= "), absl::string_view::npos);
  EXPECT_EQ(folder_.Read("users"), before);
  EXPECT_EQ(Names(), (std::set<std::string>{"users", "users.cdb"}));
  ASSERT_EQ(chmod(UserTablePath(path_).c_str(), 0640), 0);
  EXPECT_TRUE(Set("bert").ok());
}

// A table made by an older version, or a file that is not a table.
TEST_F(UserEditTest, ADamagedTableIsReplaced) {
  ASSERT_TRUE(Set("anna").ok());
  folder_.Write("users.cdb", "none");
  ASSERT_EQ(chmod(UserTablePath(path_).c_str(), 0600), 0);
  // The damaged table has no digest, so the temporary file of a killed process
  // is not used.
  folder_.Write(".users.new", absl::StrCat("carl:", kCrypt, "\n"));
  EXPECT_TRUE(Set("bert").ok());
  EXPECT_TRUE(Has("anna"));
  EXPECT_TRUE(Has("bert"));
  EXPECT_FALSE(Has("carl"));
}

// The temporary file of a killed process is used only if the table contains its
// users.
TEST_F(UserEditTest, ATemporaryFileThatDoesNotMatchTheTableIsRemoved) {
  ASSERT_TRUE(Set("anna").ok());
  const std::string text = folder_.Read("users");
  for (const char* name : {".users.new", ".users.cdb.new"}) {
    folder_.Write(name, absl::StrCat("carl:", kCrypt, "\n"));
  }
  const auto nothing = [](UserFile*) { return absl::OkStatus(); };
  ASSERT_TRUE(EditUsers(path_, MissingFile::kIsAnError, nothing).ok());
  EXPECT_EQ(folder_.Read("users"), text);
  EXPECT_FALSE(Has("carl"));
  EXPECT_EQ(Names(), (std::set<std::string>{"users", "users.cdb"}));
  // Also if the edit fails.
  folder_.Write(".users.new", "x");
  EXPECT_FALSE(EditUsers(path_, MissingFile::kIsAnError, [](UserFile*) {
                 return absl::AbortedError("no");
               }).ok());
  EXPECT_EQ(Names(), (std::set<std::string>{"users", "users.cdb"}));
}

TEST_F(UserEditTest, ATableIsNotAFileOfUsers) {
  const auto nothing = [](UserFile*) { return absl::OkStatus(); };
  EXPECT_TRUE(absl::IsInvalidArgument(
      EditUsers(UserTablePath(path_), MissingFile::kIsEmpty, nothing)));
}

TEST_F(UserEditTest, ConcurrentChangesAreNotLost) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int n = 0; n < 5; ++n) {
        EXPECT_TRUE(Set(absl::StrCat("user", i, "-", n)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(UserFile::Read(path_)->users().size(), 20u);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Has(absl::StrCat("user", i, "-4")));
}

}  // namespace
}  // namespace postern::auth
