// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_directory.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "delivery/faulty_file_system.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

TEST(MaildirDirectoryTest, OpenNeedsTmpAndNewAsDirectories) {
  files::TestDirectory directory;
  directory.MakeMaildir("m");
  directory.MakeDirectory("half/new");
  directory.MakeDirectory("other/tmp");
  directory.MakeDirectory("linked/tmp");
  directory.MakeDirectory("file/tmp");
  directory.Write("file/new", "");
  ASSERT_EQ(symlink("../m/new", directory.File("linked/new").c_str()), 0);
  ASSERT_EQ(symlink("m", directory.File("whole").c_str()), 0);
  ASSERT_EQ(symlink("loop", directory.File("loop").c_str()), 0);
  const struct {
    const char* name;
    int result;
  } cases[] = {
      {"m", 0},           {"whole", 0},  // the path is the administrator's
      {"no", -ENOENT},    {"half", -ENOENT},
      {"other", -ENOENT}, {"linked", -ENOTDIR},
      {"file", -ENOTDIR}, {"loop", -ELOOP},
  };
  const size_t before = files::CountOpenDescriptors();
  for (const auto& c : cases) {
    MaildirDirectory maildir(PosixFileSystem());
    const int result = maildir.Open(directory.File(c.name));
    EXPECT_EQ(result, c.result) << c.name;
    EXPECT_EQ(files::CountOpenDescriptors(), before + (result == 0 ? 2 : 0));
    EXPECT_EQ(maildir.tmp_fd() < 0, result < 0);
  }
  EXPECT_EQ(files::CountOpenDescriptors(), before);
}

TEST(MaildirDirectoryTest, OpenReturnsEachFaultAndLeavesNothingOpen) {
  files::TestDirectory directory;
  directory.MakeMaildir("m");
  FaultyFileSystem files(PosixFileSystem());
  for (const int error : {EACCES, EIO, EMFILE, ENFILE}) {
    for (size_t n = 1; n <= 4; ++n) {
      MaildirDirectory maildir(files);
      files.Fail(n, error);
      EXPECT_EQ(maildir.Open(directory.File("m")), -error);
      EXPECT_EQ(files.open_count(), 0);
    }
  }
}

TEST(MaildirDirectoryTest, OwnerAndGroupAreThoseOfNew) {
  files::TestDirectory directory;
  directory.MakeMaildir("m");
  MaildirDirectory maildir(PosixFileSystem());
  ASSERT_EQ(maildir.Open(directory.File("m")), 0);
  struct stat status {};
  ASSERT_EQ(stat(directory.File("m/new").c_str(), &status), 0);
  EXPECT_EQ(maildir.owner(), status.st_uid);
  EXPECT_EQ(maildir.group(), status.st_gid);
}

TEST(MaildirDirectoryTest, MaildirIsConfirmedMissingOnlyInStoreWithEntries) {
  files::TestDirectory directory;
  directory.MakeMaildir("store/d/u");
  directory.MakeDirectory("store/d/half/new");
  directory.Write("store/d/file", "");
  directory.MakeDirectory("store/unmounted");
  directory.MakeDirectory("empty");
  ASSERT_EQ(symlink("/nowhere", directory.File("store/d/link").c_str()), 0);
  ASSERT_EQ(symlink("/nowhere", directory.File("store/moved").c_str()), 0);
  ASSERT_EQ(symlink("/nowhere", directory.File("dangling").c_str()), 0);
  ASSERT_EQ(symlink("store", directory.File("linked").c_str()), 0);
  const struct {
    std::string store;
    std::string path;
    // The error text after the path of `directory`; empty: there is no Maildir.
    std::string why;
  } cases[] = {
      {"store", "/d/x", ""},
      {"store", "/other/u", ""},
      {"store", "/other/deep/er/u", ""},
      {"linked", "/d/x", ""},
      {"store", "//d//x/", ""},
      {"store", absl::StrCat("/d/", std::string(300, 'x')), ""},
      {"store", "/d/u", "/store/d/u exists, but is no Maildir"},
      {"store", "/d/half", "/store/d/half exists, but is no Maildir"},
      {"store", "/d/file", "/store/d/file exists, but is no Maildir"},
      {"store", "/d/link", "/store/d/link exists, but is no Maildir"},
      {"store", "/d/file/u", "/store/d/file/u: Not a directory"},
      {"store", "/moved/u", "/store/moved: No such file or directory"},
      {"store", "/unmounted/u",
       "/store/unmounted is empty: is its file system mounted, or has no "
       "Maildir "
       "been made in it?"},
      {"empty", "/d/u",
       "/empty is empty: is its file system mounted, or has no Maildir "
       "been made in it?"},
      {"missing", "/d/u", "/missing: No such file or directory"},
      {"dangling", "/d/u", "/dangling: No such file or directory"},
  };
  const size_t before = files::CountOpenDescriptors();
  for (const auto& c : cases) {
    const std::string store = directory.File(c.store);
    const absl::Status status =
        ConfirmNoMaildir(store, absl::StrCat(store, c.path), PosixFileSystem());
    EXPECT_EQ(status.message(),
              c.why.empty() ? "" : absl::StrCat(directory.path(), c.why))
        << c.path;
    EXPECT_EQ(status.ok(), c.why.empty()) << c.path;
    EXPECT_EQ(files::CountOpenDescriptors(), before);
  }
  // A pattern that begins with a value, and one with the store "/".
  EXPECT_TRUE(
      ConfirmNoMaildir(".", "no-such-user/Maildir", PosixFileSystem()).ok());
  EXPECT_TRUE(ConfirmNoMaildir("/", "/no-such-user", PosixFileSystem()).ok());
}

TEST(MaildirDirectoryTest, MaildirIsNotConfirmedMissingAfterAnyFault) {
  files::TestDirectory directory;
  directory.MakeDirectory("store/d");
  directory.Write("store/d/file", "");
  FaultyFileSystem files(PosixFileSystem());
  const auto confirm = [&] {
    return ConfirmNoMaildir(directory.File("store"),
                            directory.File("store/d/u"), files);
  };
  ASSERT_TRUE(confirm().ok());
  const size_t calls = files.calls().size();
  for (const int error : {EACCES, EIO, EMFILE, ESTALE}) {
    for (size_t n = 1; n <= calls; ++n) {
      files.Fail(n, error);
      const absl::Status status = confirm();
      ASSERT_TRUE(files.hit());
      // Nothing was written to the descriptor, so an error of close() does not
      // matter.
      EXPECT_EQ(status.ok(), files.hit()->op == FaultyFileSystem::Op::kClose)
          << n << " " << status;
      EXPECT_EQ(files.open_count(), 0u);
    }
  }
}

// Creates the directory `path` while another directory is read, as if a file
// system were mounted.
class MountingFileSystem : public FaultyFileSystem {
 public:
  explicit MountingFileSystem(std::string path)
      : FaultyFileSystem(PosixFileSystem()), path_(std::move(path)) {}
  ssize_t ReadDirectory(int fd, char* data, size_t size) override {
    const ssize_t result = FaultyFileSystem::ReadDirectory(fd, data, size);
    mkdir(path_.c_str(), 0700);
    return result;
  }

 private:
  const std::string path_;
};

TEST(MaildirDirectoryTest, MaildirIsNotConfirmedMissingIfItAppears) {
  files::TestDirectory directory;
  directory.MakeDirectory("store");
  directory.Write("store/file", "");
  MountingFileSystem files(directory.File("store/u"));
  const absl::Status status = ConfirmNoMaildir(
      directory.File("store"), directory.File("store/u"), files);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(status.message(), directory.File("store/u has just appeared"));
}

class TwoFileSystems : public FaultyFileSystem {
 public:
  using FaultyFileSystem::FaultyFileSystem;
  int Stat(int fd, struct stat* status) override {
    const int result = FaultyFileSystem::Stat(fd, status);
    status->st_dev = next_++;
    return result;
  }

 private:
  dev_t next_ = 1;
};

TEST(MaildirDirectoryTest, TmpAndNewMustBeOnOneFileSystem) {
  files::TestDirectory directory;
  directory.MakeMaildir("m");
  TwoFileSystems files(PosixFileSystem());
  MaildirDirectory maildir(files);
  EXPECT_EQ(maildir.Open(directory.File("m")), -EXDEV);
  EXPECT_EQ(files.open_count(), 0);
}

}  // namespace
}  // namespace postern::delivery
