// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/account.h"

#include <errno.h>
#include <pwd.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace {

int next_error = 0;
size_t needed_room = 0;

}  // namespace

// Replaces that of the C library, whose services a test cannot stop.
extern "C" __attribute__((visibility("default"))) int getpwnam_r(
    const char* name, passwd* entry, char* /*room*/, size_t size,
    passwd** found) {
  *found = nullptr;
  if (size < needed_room) return ERANGE;
  if (next_error != 0 || std::string(name) != "mail") return next_error;
  entry->pw_uid = 8;
  entry->pw_gid = 12;
  *found = entry;
  return 0;
}

namespace postern::system {
namespace {

TEST(FindAccountTest, AnAccountHasItsNumbers) {
  for (const size_t room : {size_t{0}, size_t{100000}}) {
    needed_room = room;
    const absl::StatusOr<Account> account = FindAccount("mail");
    ASSERT_TRUE(account.ok()) << account.status();
    EXPECT_EQ(account->user, 8u);
    EXPECT_EQ(account->group, 12u);
  }
  needed_room = 0;
}

TEST(FindAccountTest, AnOutageIsNotAMissingUser) {
  const struct {
    int error;
    size_t room;
    absl::Status status;
  } kRows[] = {
      {0, 0, absl::NotFoundError("no such user: other")},
      {ENOENT, 0, absl::NotFoundError("no such user: other")},
      {EIO, 0, absl::UnavailableError("user other: Input/output error")},
      {EMFILE, 0, absl::UnavailableError("user other: Too many open files")},
      // No size of the buffer is enough.
      {0, size_t{1} << 30,
       absl::UnavailableError("user other: Numerical result out of range")},
  };
  for (const auto& row : kRows) {
    next_error = row.error;
    needed_room = row.room;
    EXPECT_EQ(FindAccount("other").status(), row.status);
  }
  next_error = 0;
  needed_room = 0;
}

}  // namespace
}  // namespace postern::system
