// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/secret.h"

#include <dlfcn.h>
#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

// As the C library, except that the service with one account does not answer.
extern "C" __attribute__((visibility("default"))) int getpwnam_r(
    const char* name, passwd* entry, char* room, size_t size, passwd** found) {
  if (std::string(name) == "unreachable") {
    *found = nullptr;
    return ECONNREFUSED;
  }
  static const auto next =
      reinterpret_cast<decltype(&getpwnam_r)>(dlsym(RTLD_NEXT, "getpwnam_r"));
  return next(name, entry, room, size, found);
}

namespace postern::files {
namespace {

TEST(SecretTest, OnlyItsOwnerMayReadIt) {
  TestDirectory directory;
  directory.Write("secret", "hunter2\n");
  const std::string path = directory.File("secret");
  for (const mode_t mode : {0600, 0400, 0700}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    const auto read = ReadSecret(path, 100);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, "hunter2\n");
  }
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0644}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    const auto read = ReadSecret(path, 100);
    EXPECT_TRUE(absl::IsPermissionDenied(read.status())) << mode;
    EXPECT_TRUE(absl::StrContains(read.status().message(), path));
    EXPECT_TRUE(absl::StrContains(read.status().message(), "chmod 600"));
    EXPECT_FALSE(absl::StrContains(read.status().message(), "hunter2"));
  }
}

// Another owner could change the secret.
TEST(SecretTest, OwnerIsRootOrTheServer) {
  TestDirectory directory;
  directory.Write("secret", "hunter2\n");
  const std::string path = directory.File("secret");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  const passwd* const other = getpwnam("nobody");
  if (geteuid() != 0 || other == nullptr ||
      chown(path.c_str(), other->pw_uid, other->pw_gid) != 0) {
    GTEST_SKIP() << "this user cannot give a file to another";
  }
  const auto read = ReadSecret(path, 100);
  EXPECT_TRUE(absl::IsPermissionDenied(read.status())) << read.status();
  EXPECT_TRUE(absl::StrContains(read.status().message(), "run chown"));
  EXPECT_TRUE(ReadSecret(path, 100, "nobody").ok());
  EXPECT_FALSE(ReadSecret(path, 100, "root").ok());
  EXPECT_TRUE(
      absl::IsPermissionDenied(ReadSecret(path, 100, "no such user").status()));
  EXPECT_EQ(ReadSecret(path, 100, "unreachable").status(),
            absl::UnavailableError(
                absl::StrCat(path, ": user unreachable: Connection refused")));
}

TEST(SecretTest, MissingAndLargeFilesAreErrors) {
  TestDirectory directory;
  directory.Write("secret", "hunter2\n");
  ASSERT_EQ(chmod(directory.File("secret").c_str(), 0600), 0);
  EXPECT_TRUE(
      absl::IsNotFound(ReadSecret(directory.File("none"), 100).status()));
  EXPECT_FALSE(ReadSecret(directory.File("secret"), 7).ok());
}

}  // namespace
}  // namespace postern::files
