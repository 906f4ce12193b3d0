// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/users/password_prompt.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/wipe.h"
#include "gtest/gtest.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

// Opens a pipe that contains `text` and then ends.
system::Descriptor Pipe(absl::string_view text) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const system::Descriptor write_end(ends[1]);
  EXPECT_EQ(write(ends[1], text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
  return system::Descriptor(ends[0]);
}

TEST(ReadPasswordTest, ReturnsTheLineWithoutItsEnd) {
  for (const absl::string_view text :
       {"secret", "secret\n", "secret\r\n", "secret\nmore"}) {
    const absl::StatusOr<Secret> read = ReadPassword(Pipe(text).get());
    ASSERT_TRUE(read.ok()) << text << ": " << read.status();
    EXPECT_EQ(read->text(), "secret") << text;
  }
}

TEST(ReadPasswordTest, ReadsNothingAfterTheLine) {
  const system::Descriptor pipe = Pipe("secret\nmore");
  ASSERT_TRUE(ReadPassword(pipe.get()).ok());
  char rest[10];
  EXPECT_EQ(read(pipe.get(), rest, sizeof(rest)), 4);
}

TEST(ReadPasswordTest, ReportsErrors) {
  const struct {
    std::string text;
    absl::string_view why;
  } kCases[] = {
      {"", "no password: the input has ended"},
      {"\n", "the password is empty"},
      {"\r\n", "the password is empty"},
      {std::string(kMaxPassword + 1, 'x'), "the password is too long"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = ReadPassword(Pipe(c.text).get()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), c.why);
  }
  EXPECT_TRUE(ReadPassword(Pipe(std::string(kMaxPassword, 'x')).get()).ok());
  EXPECT_FALSE(ReadPassword(-1).ok());
}

}  // namespace
}  // namespace postern::programs
