// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/shared_directories.h"

#include <errno.h>

#include <condition_variable>  // NOLINT(build/c++11)
#include <cstdint>
#include <memory>
#include <mutex>  // NOLINT(build/c++11)
#include <string>
#include <thread>  // NOLINT(build/c++11)
#include <vector>

#include "absl/strings/string_view.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// Makes real system calls, except fsync(2), which waits for the test.
class GatedFileSystem : public FileSystem {
 public:
  int Fsync(int) override {
    std::unique_lock<std::mutex> lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !results_.empty(); });
    const int result = results_.back();
    results_.pop_back();
    return result;
  }
  // Waits until the n-th fsync has begun.
  void AwaitBegun(int n) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this, n] { return begun_ >= n; });
  }
  // Lets one fsync end with `result`.
  void Let(int result) {
    const std::lock_guard<std::mutex> lock(mutex_);
    results_.push_back(result);
    changed_.notify_all();
  }
  int begun() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return begun_;
  }

  int OpenAt(int directory, const std::string& name, int flags,
             mode_t mode) override {
    return real_.OpenAt(directory, name, flags, mode);
  }
  ssize_t Write(int, absl::string_view) override { return -EIO; }
  ssize_t Read(int, char*, size_t, uint64_t) override { return -EIO; }
  ssize_t Copy(int, uint64_t, int, size_t) override { return -EIO; }
  int Close(int fd) override { return real_.Close(fd); }
  int RenameAt(int, const std::string&, int, const std::string&) override {
    return -EIO;
  }
  int LinkAt(int, const std::string&, int, const std::string&) override {
    return -EIO;
  }
  int UnlinkAt(int, const std::string&) override { return -EIO; }
  int Stat(int fd, struct stat* status) override {
    return real_.Stat(fd, status);
  }
  int Chown(int, uid_t, gid_t) override { return -EIO; }
  ssize_t ReadDirectory(int, char*, size_t) override { return -EIO; }
  uid_t EffectiveUser() override { return 1000; }

 private:
  FileSystem& real_ = PosixFileSystem();
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0;
  std::vector<int> results_;
};

using Directory = std::shared_ptr<SharedDirectories::Directory>;

class SharedDirectoriesTest : public testing::Test {
 protected:
  SharedDirectoriesTest() {
    disk_.MakeMaildir("a");
    disk_.MakeMaildir("b");
  }

  Directory Open(const std::string& name) {
    Directory directory;
    EXPECT_EQ(directories_.Open(disk_.File(name), &directory), 0);
    return directory;
  }
  // Calls Sync() on another thread.
  std::thread Sync(const Directory& directory, int* result) {
    return std::thread([directory, result] { *result = directory->Sync(); });
  }
  static void AwaitWaiting(const Directory& directory, size_t n) {
    while (directory->waiting() != n) std::this_thread::yield();
  }

  files::TestDirectory disk_;
  GatedFileSystem files_;
  SharedDirectories directories_{files_};
};

TEST_F(SharedDirectoriesTest, MessagesToOneMaildirShareItsDirectory) {
  const Directory a = Open("a");
  EXPECT_EQ(Open("a"), a);
  EXPECT_EQ(Open("b/../a"), a);
  EXPECT_NE(Open("b"), a);
  Directory none;
  EXPECT_EQ(directories_.Open(disk_.File("c"), &none), -ENOENT);
  EXPECT_EQ(none, nullptr);
}

TEST_F(SharedDirectoriesTest, PathOfAnotherDirectoryIsAnotherDirectory) {
  const Directory old = Open("a");
  ASSERT_EQ(rename(disk_.File("a").c_str(), disk_.File("moved").c_str()), 0);
  disk_.MakeMaildir("a");
  EXPECT_NE(Open("a"), old);
  EXPECT_EQ(Open("moved"), old);
}

TEST_F(SharedDirectoriesTest, WaitingCallsShareTheNextSync) {
  const Directory directory = Open("a");
  int first = 1;
  std::thread leader = Sync(directory, &first);
  files_.AwaitBegun(1);
  // The running fsync may have begun before the changes of these.
  constexpr size_t kOthers = 5;
  std::vector<int> others(kOthers, 1);
  std::vector<std::thread> threads;
  for (int& result : others) threads.push_back(Sync(directory, &result));
  AwaitWaiting(directory, kOthers);
  EXPECT_EQ(files_.begun(), 1);
  files_.Let(0);
  leader.join();
  EXPECT_EQ(first, 0);
  files_.AwaitBegun(2);
  EXPECT_EQ(others, std::vector<int>(kOthers, 1));
  files_.Let(0);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(others, std::vector<int>(kOthers, 0));
  EXPECT_EQ(files_.begun(), 2);
}

TEST_F(SharedDirectoriesTest, DirectoriesDoNotWaitForEachOther) {
  const Directory a = Open("a");
  const Directory b = Open("b");
  int result_a = 1;
  int result_b = 1;
  std::thread sync_a = Sync(a, &result_a);
  files_.AwaitBegun(1);
  std::thread sync_b = Sync(b, &result_b);
  files_.AwaitBegun(2);
  files_.Let(0);
  files_.Let(0);
  sync_a.join();
  sync_b.join();
  EXPECT_EQ(result_a, 0);
  EXPECT_EQ(result_b, 0);
}

TEST_F(SharedDirectoriesTest, FailureIsReturnedToAllHoldersOfTheDirectory) {
  const Directory directory = Open("a");
  int first = 1;
  std::thread leader = Sync(directory, &first);
  files_.AwaitBegun(1);
  int second = 1;
  std::thread waits = Sync(directory, &second);
  AwaitWaiting(directory, 1);
  files_.Let(-EIO);
  leader.join();
  EXPECT_EQ(first, -EIO);
  // Its own fsync succeeds; it gets the earlier error all the same.
  files_.AwaitBegun(2);
  files_.Let(0);
  waits.join();
  EXPECT_EQ(second, -EIO);
  EXPECT_EQ(directory->Sync(), -EIO);
  EXPECT_EQ(files_.begun(), 2);

  const Directory anew = Open("a");
  EXPECT_NE(anew, directory);
  EXPECT_EQ(Open("a"), anew);
  files_.Let(0);
  EXPECT_EQ(anew->Sync(), 0);
}

// Messages begin and end on many threads. Without the lock in Open() or
// Forget() the table is corrupted: ThreadSanitizer reports a race, and other
// builds crash.
TEST_F(SharedDirectoriesTest, DirectorysAreOpenedAndForgottenOnManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int n = 0; n < 2000; ++n) {
        const Directory directory = Open((n + i) % 2 == 0 ? "a" : "b");
        const Directory again = Open((n + i) % 2 == 0 ? "a" : "b");
        EXPECT_EQ(directory, again);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // All earlier objects are forgotten: this is the only holder.
  EXPECT_EQ(Open("a").use_count(), 1);
}

}  // namespace
}  // namespace postern::delivery
