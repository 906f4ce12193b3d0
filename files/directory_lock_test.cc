// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/directory_lock.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::files {
namespace {

TEST(DirectoryLockTest, OnlyOneHolderAtATimeByAnyPath) {
  TestDirectory directory;
  directory.Write("x", "");
  TestDirectory other;
  std::filesystem::create_symlink(directory.File("x"), other.File("link"));
  const std::string names[] = {directory.File("x"), directory.File("absent"),
                               other.File("link")};
  int inside = 0;  // not guarded by a mutex: the DirectoryLock must protect it
  int most = 0;
  std::vector<std::thread> threads;
  for (const std::string& name : names) {
    threads.emplace_back([&, name] {
      for (int i = 0; i < 50; ++i) {
        const absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(name);
        ASSERT_TRUE(lock.ok()) << lock.status();
        most = std::max(most, ++inside);
        std::this_thread::yield();
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
}

TEST(DirectoryLockTest, AMissingDirectoryIsNotFound) {
  const absl::Status status =
      DirectoryLock::Take("/no/such/directory/x").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_TRUE(absl::StrContains(status.message(), "/no/such/directory/x"));
}

}  // namespace
}  // namespace postern::files
