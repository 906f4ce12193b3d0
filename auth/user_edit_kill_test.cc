// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A process that edits users is killed before each of its system calls that
// change something. After each kill, file and table together are either
// unchanged or completely changed, and the next command leaves no other files.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "auth/user_edit.h"
#include "auth/user_file.h"
#include "auth/user_table.h"
#include "auth/verifier.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

// The number of calls until the process kills itself; -1: it does not.
int calls_left = -1;
// The calls so far: 'r' for a rename, 's' for an fsync, '.' for another.
std::string calls_made;

void Call(char what = '.') {
  if (calls_left >= 0 && calls_left-- == 0) raise(SIGKILL);
  calls_made += what;
}

}  // namespace

// These replace the functions of the C library.
#pragma GCC visibility push(default)
extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    Call();
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int fd, const void* bytes, size_t size) {
  Call();
  return syscall(SYS_write, fd, bytes, size);
}

int fsync(int fd) {
  Call('s');
  return static_cast<int>(syscall(SYS_fsync, fd));
}

int fchmod(int fd, mode_t mode) noexcept {
  Call();
  return static_cast<int>(syscall(SYS_fchmod, fd, mode));
}

int fchown(int fd, uid_t owner, gid_t group) noexcept {
  Call();
  return static_cast<int>(syscall(SYS_fchown, fd, owner, group));
}

int rename(const char* from, const char* to) noexcept {
  Call('r');
  return static_cast<int>(
      syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(const char* path) noexcept {
  Call();
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

}  // extern "C"
#pragma GCC visibility pop

namespace postern::auth {
namespace {

// Hashes of "pencil" with different salts.
constexpr char kOne[] =
    "$5$saltsaltsalt$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";
constexpr char kOther[] =
    "$5$othersaltsal$tom6DEvBcWRiSa99Ee2w38ZTYp0xKQww1YExc6kalX6";

using Users = std::map<std::string, std::string>;  // verifiers by name
using Edit = std::function<void(UserFile*)>;

constexpr int kMaxCalls = 200;  // a test with more calls would not end

class UserEditKillTest : public testing::Test {
 protected:
  // Makes the file and the table of `users`, with the modes that an
  // administrator may set for a server in another group. If `users` is empty,
  // makes neither.
  void Begin(const Users& users) {
    folder_.emplace();
    path_ = folder_->File("users");
    if (users.empty()) return;
    ASSERT_TRUE(Run([&users](UserFile* file) {
                  for (const auto& [name, verifier] : users) {
                    file->Set(name, *Verifier::Parse(verifier));
                  }
                }).ok());
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
    ASSERT_EQ(chmod(UserTablePath(path_).c_str(), 0640), 0);
    // Succeeds as root. For other users the owner stays unchanged.
    (void)!chown(UserTablePath(path_).c_str(), 1, 2);
    ASSERT_EQ(stat(UserTablePath(path_).c_str(), &table_), 0);
  }

  absl::Status Run(const Edit& edit) {
    return EditUsers(path_, MissingFile::kIsEmpty, [&edit](UserFile* users) {
      edit(users);
      return absl::OkStatus();
    });
  }

  // Runs the edit in a process that is killed before call number `calls`.
  // Returns true if it was killed.
  bool RunUntil(int calls, const Edit& edit) {
    const pid_t child = fork();
    if (child == 0) {
      calls_left = calls;
      _exit(Run(edit).ok() ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
      EXPECT_EQ(WTERMSIG(status), SIGKILL);
      return true;
    }
    EXPECT_EQ(status, 0);
    return false;
  }

  // Returns the users that a server finds in the table.
  Users InTable() const {
    Users users;
    const absl::StatusOr<UserTable> table =
        UserTable::Open(UserTablePath(path_));
    if (absl::IsNotFound(table.status())) return users;
    EXPECT_TRUE(table.ok()) << table.status();
    for (const char* name : {"anna", "bert", "carl"}) {
      const auto found = table->Find(name);
      EXPECT_TRUE(found.ok()) << found.status();
      if (*found) users[name] = (*found)->text();
    }
    return users;
  }
  Users InFile() const {
    Users users;
    const absl::StatusOr<UserFile> file = UserFile::Read(path_);
    if (absl::IsNotFound(file.status())) return users;
    EXPECT_TRUE(file.ok()) << file.status();
    for (const UserFile::User* user : file->users()) {
      users[user->name] = user->verifier.text();
    }
    return users;
  }

  void ExpectNothingElse() const {
    for (const auto& file :
         std::filesystem::directory_iterator(folder_->path())) {
      const std::string name = file.path().filename();
      EXPECT_TRUE(name == "users" || name == "users.cdb") << name;
    }
  }

  void ExpectModesAreKept() const {
    struct stat facts = {};
    ASSERT_EQ(stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0600u);
    ASSERT_EQ(stat(UserTablePath(path_).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0640u);
    EXPECT_EQ(facts.st_uid, table_.st_uid);
    EXPECT_EQ(facts.st_gid, table_.st_gid);
  }

  // `edit` changes `before` to `after`.
  void KillEverywhere(const Users& before, const Users& after,
                      const Edit& edit) {
    std::set<Users> seen;
    int calls = 0;
    for (bool killed = true; killed; ++calls) {
      ASSERT_LT(calls, kMaxCalls);
      for (const bool repeat : {true, false}) {
        SCOPED_TRACE(absl::StrCat("before call ", calls));
        Begin(before);
        killed = RunUntil(calls, edit);
        const Users left = InTable();
        EXPECT_TRUE(left == before || left == after);
        if (!killed) {
          EXPECT_EQ(left, after);
        }
        seen.insert(left);
        if (!before.empty()) ExpectModesAreKept();
        // The same command again, or one that changes nothing.
        EXPECT_TRUE(Run(repeat ? edit : [](UserFile*) {}).ok());
        EXPECT_EQ(InTable(), repeat ? after : left);
        EXPECT_EQ(InFile(), repeat ? after : left);
        ExpectNothingElse();
        if (!before.empty()) ExpectModesAreKept();
      }
    }
    EXPECT_EQ(seen, (std::set<Users>{before, after}));
    // Two files are created, written, synced and renamed, and their directory
    // is synced.
    EXPECT_GE(calls, 12);
  }

  std::optional<files::TestDirectory> folder_;
  std::string path_;
  struct stat table_ = {};  // after Begin()
};

TEST_F(UserEditKillTest, AddingAUserIsAtomic) {
  KillEverywhere(
      {{"anna", kOne}}, {{"anna", kOne}, {"bert", kOther}},
      [](UserFile* users) { users->Set("bert", *Verifier::Parse(kOther)); });
}

TEST_F(UserEditKillTest, RemovingAUserIsAtomic) {
  KillEverywhere({{"anna", kOne}, {"bert", kOther}}, {{"anna", kOne}},
                 [](UserFile* users) { users->Remove("bert"); });
}

TEST_F(UserEditKillTest, ChangingAPasswordIsAtomic) {
  KillEverywhere(
      {{"anna", kOne}, {"bert", kOne}}, {{"anna", kOther}, {"bert", kOne}},
      [](UserFile* users) { users->Set("anna", *Verifier::Parse(kOther)); });
}

TEST_F(UserEditKillTest, AddingTheFirstUserIsAtomic) {
  KillEverywhere({}, {{"carl", kOne}}, [](UserFile* users) {
    users->Set("carl", *Verifier::Parse(kOne));
  });
}

// A rename is durable only after an fsync of the directory. This includes the
// rename that completes the change of a killed process.
TEST_F(UserEditKillTest, EachRenameIsSynced) {
  const Edit edit = [](UserFile* users) {
    users->Set("bert", *Verifier::Parse(kOther));
  };
  Begin({{"anna", kOne}});
  calls_made.clear();
  ASSERT_TRUE(Run(edit).ok());
  const std::string whole = calls_made;
  EXPECT_THAT(whole, testing::MatchesRegex("[.s]*s[.]*rs[.]*rs[.]*")) << whole;
  Begin({{"anna", kOne}});
  ASSERT_TRUE(RunUntil(static_cast<int>(whole.rfind('r')), edit));
  calls_made.clear();
  ASSERT_TRUE(Run([](UserFile*) {}).ok());
  EXPECT_THAT(calls_made, testing::MatchesRegex("[.]*rs[.s]*rs[.]*"))
      << calls_made;
  EXPECT_EQ(InFile(), (Users{{"anna", kOne}, {"bert", kOther}}));
}

}  // namespace
}  // namespace postern::auth
