// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_folder.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "delivery/faulty_file_system.h"
#include "delivery/temporary_folder.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using Op = FaultyFileSystem::Op;

TEST(MaildirFolderTest, CreatesAMaildirForThisUserAlone) {
  TemporaryFolder folder;
  FaultyFileSystem files(PosixFileSystem());
  ASSERT_TRUE(CreateMaildir(folder.Path("m/"), files).ok());
  EXPECT_EQ(folder.List("m"), (std::vector<std::string>{"cur", "new", "tmp"}));
  for (const char* name : {"m", "m/cur", "m/new", "m/tmp"}) {
    struct stat status {};
    ASSERT_EQ(stat(folder.Path(name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700) << name;
  }
  // Both folders that have got new names.
  std::vector<std::string> synced;
  for (const auto& call : files.calls()) {
    if (call.op == Op::kFsync) synced.push_back(call.path);
  }
  EXPECT_EQ(synced,
            (std::vector<std::string>{folder.Path("m"), folder.Path()}));
  EXPECT_EQ(files.open_count(), 0);
}

TEST(MaildirFolderTest, CreatingAgainKeepsWhatIsThere) {
  TemporaryFolder folder;
  folder.MakeFolder("m/new");
  folder.Write("m/new/mail", "x");
  EXPECT_TRUE(CreateMaildir(folder.Path("m")).ok());
  EXPECT_TRUE(CreateMaildir(folder.Path("m")).ok());
  EXPECT_EQ(folder.Read("m/new/mail"), "x");
}

TEST(MaildirFolderTest, CreationSaysWhatFailed) {
  TemporaryFolder folder;
  absl::Status status = CreateMaildir(folder.Path("no/m"));
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_NE(status.message().find(folder.Path("no/m")), std::string::npos);
  EXPECT_TRUE(absl::IsInvalidArgument(CreateMaildir("")));
  FaultyFileSystem files(PosixFileSystem());
  for (size_t n = 1;; ++n) {
    files.Fail(n, EIO);
    status = CreateMaildir(folder.Path("m"), files);
    if (!files.hit()) break;
    // Nothing was written through what is closed.
    EXPECT_EQ(status.ok(), files.hit()->op == Op::kClose) << n;
    EXPECT_EQ(files.open_count(), 0);
  }
  EXPECT_TRUE(status.ok());
}

TEST(MaildirFolderTest, OpensTmpAndNewAndNothingElse) {
  TemporaryFolder folder;
  ASSERT_TRUE(CreateMaildir(folder.Path("m")).ok());
  folder.MakeFolder("half/new");
  folder.MakeFolder("other/tmp");
  folder.MakeFolder("linked/tmp");
  folder.MakeFolder("file/tmp");
  folder.Write("file/new", "");
  ASSERT_EQ(symlink("../m/new", folder.Path("linked/new").c_str()), 0);
  ASSERT_EQ(symlink("m", folder.Path("whole").c_str()), 0);
  ASSERT_EQ(symlink("loop", folder.Path("loop").c_str()), 0);
  const struct {
    const char* name;
    int result;
    bool none;  // there is no such Maildir
  } cases[] = {
      {"m", 0, false},
      {"whole", 0, false},  // the path is the administrator's
      {"no", -ENOENT, true},
      {"half", -ENOENT, true},
      {"other", -ENOENT, true},
      {"linked", -ENOTDIR, true},
      {"file", -ENOTDIR, true},
      {"loop", -ELOOP, false},
  };
  const size_t before = CountOpenDescriptors();
  for (const auto& c : cases) {
    MaildirFolder maildir(PosixFileSystem());
    const int result = maildir.Open(folder.Path(c.name));
    EXPECT_EQ(result, c.result) << c.name;
    EXPECT_EQ(MeansNoMaildir(result), c.none) << c.name;
    EXPECT_EQ(CountOpenDescriptors(), before + (result == 0 ? 2 : 0));
    EXPECT_EQ(maildir.tmp_fd() < 0, result < 0);
  }
  EXPECT_EQ(CountOpenDescriptors(), before);
}

TEST(MaildirFolderTest, EveryFaultIsReportedAndClosesWhatIsOpen) {
  TemporaryFolder folder;
  ASSERT_TRUE(CreateMaildir(folder.Path("m")).ok());
  FaultyFileSystem files(PosixFileSystem());
  for (const int error : {EACCES, EIO, EMFILE, ENFILE}) {
    for (size_t n = 1; n <= 4; ++n) {
      MaildirFolder maildir(files);
      files.Fail(n, error);
      EXPECT_EQ(maildir.Open(folder.Path("m")), -error);
      EXPECT_FALSE(MeansNoMaildir(-error));
      EXPECT_EQ(files.open_count(), 0);
    }
  }
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

TEST(MaildirFolderTest, TmpAndNewAreOnOneFileSystem) {
  TemporaryFolder folder;
  ASSERT_TRUE(CreateMaildir(folder.Path("m")).ok());
  TwoFileSystems files(PosixFileSystem());
  MaildirFolder maildir(files);
  EXPECT_EQ(maildir.Open(folder.Path("m")), -EXDEV);
  EXPECT_EQ(files.open_count(), 0);
}

}  // namespace
}  // namespace postern::delivery
