// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/file_system.h"

#include <errno.h>
#include <fcntl.h>

#include <string>

#include "delivery/faulty_file_system.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using Op = FaultyFileSystem::Op;

TEST(FileSystemTest, OpenedFilesAreNotInherited) {
  files::TestDirectory directory;
  const int fd = OpenFile(PosixFileSystem(), AT_FDCWD, directory.File("a"),
                          O_WRONLY | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(PosixFileSystem().Close(fd), 0);
  EXPECT_EQ(PosixFileSystem().Close(fd), -EBADF);
  EXPECT_EQ(
      OpenFile(PosixFileSystem(), AT_FDCWD, directory.File("b"), O_RDONLY),
      -ENOENT);
}

TEST(FileSystemTest, CopyAllWorksWithAndWithoutCopyFileRange) {
  files::TestDirectory directory;
  std::string contents;
  for (int i = 0; i < 100000; ++i) contents.push_back(static_cast<char>(i));
  directory.Write("from", contents);
  // -1: no fault. 0: a false end of file. Others: "not supported".
  for (const int error :
       {-1, 0, EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, EBADF}) {
    FaultyFileSystem files(PosixFileSystem());
    if (error >= 0) files.FailEvery(Op::kCopy, error);
    const int from =
        OpenFile(files, AT_FDCWD, directory.File("from"), O_RDONLY);
    const int to = OpenFile(files, AT_FDCWD, directory.File("to"),
                            O_WRONLY | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(WriteAll(files, to, "head "), 0);
    EXPECT_EQ(CopyAll(files, from, 3, to, contents.size() - 3), 0) << error;
    EXPECT_EQ(directory.Read("to"), "head " + contents.substr(3)) << error;
    // A file that is too short is an error, not a partial copy.
    EXPECT_EQ(CopyAll(files, from, 0, to, contents.size() + 1), -EIO);
    files.Close(from);
    files.Close(to);
    EXPECT_EQ(files.open_count(), 0);
  }
}

TEST(FileSystemTest, CopyAllReturnsOtherErrorsAtOnce) {
  files::TestDirectory directory;
  directory.Write("from", "0123456789");
  for (const int error : {EIO, ENOSPC, EDQUOT, EFBIG}) {
    FaultyFileSystem files(PosixFileSystem());
    const int from =
        OpenFile(files, AT_FDCWD, directory.File("from"), O_RDONLY);
    const int to = OpenFile(files, AT_FDCWD, directory.File("to"),
                            O_WRONLY | O_CREAT | O_TRUNC, 0600);
    files.Fail(1, error);
    EXPECT_EQ(CopyAll(files, from, 0, to, 10), -error);
    EXPECT_EQ(files.calls().size(), 1);
    files.Close(from);
    files.Close(to);
  }
}

TEST(FileSystemTest, RemoveFileSucceedsIfTheFileDoesNotExist) {
  files::TestDirectory directory;
  EXPECT_EQ(RemoveFile(PosixFileSystem(), AT_FDCWD, directory.File("a")), 0);
  FaultyFileSystem files(PosixFileSystem());
  directory.Write("a", "");
  files.Fail(1, EINTR);
  EXPECT_EQ(RemoveFile(files, AT_FDCWD, directory.File("a")), 0);
  EXPECT_TRUE(directory.List("").empty());
  files.Fail(1, EROFS);
  EXPECT_EQ(RemoveFile(files, AT_FDCWD, directory.File("a")), -EROFS);
}

TEST(FileSystemTest, HoldsEntriesFindsAnyEntry) {
  files::TestDirectory directory;
  directory.MakeDirectory("empty");
  directory.MakeDirectory("nested/.hidden");
  directory.MakeDirectory("full");
  directory.Write("file", "");
  for (int i = 0; i < 1000; ++i) {
    directory.Write("full/" + std::string(200, 'x') + std::to_string(i), "");
  }
  FaultyFileSystem files(PosixFileSystem());
  EXPECT_EQ(HoldsEntries(files, directory.File("empty")), 0);
  EXPECT_EQ(HoldsEntries(files, directory.File("nested")), 1);
  EXPECT_EQ(HoldsEntries(files, directory.File("full")), 1);
  EXPECT_EQ(HoldsEntries(files, directory.File("file")), -ENOTDIR);
  EXPECT_EQ(HoldsEntries(files, directory.File("missing")), -ENOENT);
  for (const int error : {EIO, ESTALE}) {
    files.FailEvery(Op::kReadDirectory, error);
    EXPECT_EQ(HoldsEntries(files, directory.File("full")), -error);
  }
  files.Fail(2, EINTR);
  EXPECT_EQ(HoldsEntries(files, directory.File("empty")), 0);
  EXPECT_TRUE(files.hit());
  EXPECT_EQ(files.open_count(), 0u);
}

// Makes each directory one that this process may search, but not read.
class UnreadableDirectory : public FaultyFileSystem {
 public:
  explicit UnreadableDirectory(nlink_t links)
      : FaultyFileSystem(PosixFileSystem()), links_(links) {}
  int OpenAt(int directory, const std::string& name, int flags,
             mode_t mode) override {
    if ((flags & O_PATH) == 0) return -EACCES;
    return FaultyFileSystem::OpenAt(directory, name, flags, mode);
  }
  int Stat(int fd, struct stat* status) override {
    const int result = FaultyFileSystem::Stat(fd, status);
    status->st_nlink = links_;
    return result;
  }

 private:
  const nlink_t links_;
};

TEST(FileSystemTest,
     UnreadableDirectoryHoldsEntriesIfLinkCountShowsSubdirectories) {
  files::TestDirectory directory;
  for (const nlink_t links : {0, 1, 2, 3, 70000}) {
    UnreadableDirectory files(links);
    EXPECT_EQ(HoldsEntries(files, directory.path()), links > 2 ? 1 : -EACCES);
    EXPECT_EQ(files.open_count(), 0u);
    files.FailEvery(Op::kStat, EIO);
    EXPECT_EQ(HoldsEntries(files, directory.path()), -EACCES);
  }
}

// Tests the test double itself.
TEST(FaultyFileSystemTest, FailsTheRequestedCalls) {
  files::TestDirectory directory;
  directory.Write("a", "abc");
  FaultyFileSystem files(PosixFileSystem());
  const auto open = [&] {
    return files.OpenAt(AT_FDCWD, directory.File("a"), O_RDWR, 0);
  };
  files.Fail(2, EIO);
  const int fd = open();
  EXPECT_GE(fd, 0);
  EXPECT_EQ(open(), -EIO);
  ASSERT_TRUE(files.hit());
  EXPECT_EQ(files.hit()->op, Op::kOpen);
  EXPECT_EQ(files.open_count(), 1);
  files.Fail(2, EIO, FaultyFileSystem::Fault::kFromThere);
  EXPECT_EQ(files.Fsync(fd), 0);
  EXPECT_EQ(files.Fsync(fd), -EIO);
  EXPECT_EQ(files.Fsync(fd), -EIO);
  files.Fail(1, 0, FaultyFileSystem::Fault::kShort);
  EXPECT_EQ(files.Write(fd, "xyz"), 1);
  EXPECT_EQ(files.Write(fd, "yz"), 2);
  EXPECT_EQ(directory.Read("a"), "xyz");
  files.Fail(1, EIO, FaultyFileSystem::Fault::kAfter);
  EXPECT_EQ(files.UnlinkAt(AT_FDCWD, directory.File("a")), -EIO);
  EXPECT_TRUE(directory.List("").empty());
  files.Fail(1, EIO);
  EXPECT_EQ(files.Close(fd), -EIO);
  EXPECT_EQ(files.open_count(), 0);
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
  files.FailEvery(Op::kOpen, EMFILE);
  EXPECT_EQ(open(), -EMFILE);
  files.Heal();
  EXPECT_EQ(open(), -ENOENT);
  EXPECT_FALSE(files.hit());
}

}  // namespace
}  // namespace postern::delivery
