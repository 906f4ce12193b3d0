// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/client_credentials.h"

#include <sys/stat.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

TEST(ClientCredentialsTest, FileHasOneAccount) {
  auto read = ClientCredentials::Parse(
      "# the relay\n\nuser=us@example.org\npassword= a=b #c \n", "f");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->user, "us@example.org");
  EXPECT_EQ(read->password, " a=b #c ");
  EXPECT_EQ(read->mechanism, "");
  read = ClientCredentials::Parse(
      "token-command=/bin/token,-u,us\nmechanism=xoauth2\nuser=u", "f");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->token_command,
              testing::ElementsAre("/bin/token", "-u", "us"));
  EXPECT_EQ(read->mechanism, "XOAUTH2");
}

TEST(ClientCredentialsTest, MistakesNameFileAndLineAndNoValue) {
  const struct {
    std::string content;
    absl::string_view why;
  } cases[] = {
      {"", "/f: user= is missing"},
      {"user=u\n", "/f: password= or token-command= is missing"},
      {"password=hunter2\n", "/f: user= is missing"},
      {"user=u\npassword=hunter2\ntoken-command=/t", "password= contradicts"},
      {"user=u\nhunter2\n", "/f:2: is not user=, password=, token-command="},
      {"user=u\npass=hunter2\n", "/f:2: is not user=, password="},
      {"user=u\npassword=hunter2\n\nuser=v", "/f:4: user=: is given twice"},
      {"password=hunter2\npassword=hunter2", "/f:2: password=: is given twice"},
      {"token-command=/a\ntoken-command=/b", "/f:2: token-command=: is given"},
      {"user=\n", "/f:1: user=: the value is missing"},
      {"user=u\r\n", "/f:1: user=: has a NUL or a carriage return"},
      {"user=u\ntoken-command=token", "/f:2: token-command=: is not the abs"},
      {"mechanism=CRAM-MD5", "/f:1: mechanism=: is not one of SCRAM-SHA-256"},
      {"user=u\npassword=hunter2\nmechanism=XOAUTH2",
       "/f: mechanism=: XOAUTH2 needs token-command="},
      {"user=u\ntoken-command=/t\nmechanism=PLAIN",
       "/f: mechanism=: PLAIN needs password="},
  };
  for (const auto& c : cases) {
    const auto read = ClientCredentials::Parse(c.content, "/f");
    ASSERT_TRUE(absl::IsInvalidArgument(read.status())) << c.content;
    EXPECT_TRUE(absl::StrContains(read.status().message(), c.why))
        << read.status();
    EXPECT_FALSE(absl::StrContains(read.status().message(), "hunter2"));
  }
}

TEST(ClientCredentialsTest, FileOfOthersIsRefused) {
  files::TestDirectory directory;
  directory.Write("relay", "user=u\npassword=hunter2\n");
  const std::string path = directory.File("relay");
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_TRUE(
      absl::IsPermissionDenied(ClientCredentials::Read(path, "").status()));
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(ClientCredentials::Read(path, "")->password, "hunter2");
}

}  // namespace
}  // namespace postern::auth
