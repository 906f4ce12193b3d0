// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/library_backends.h"

#include <string>

#include "absl/status/status.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/auth_options.h"

namespace postern::service {
namespace {

using ::testing::HasSubstr;

AuthSpec Spec(AuthSpec::Kind kind, const std::string& file = "") {
  return {.kind = kind, .text = "cdb:" + file, .file = file};
}

TEST(LibraryBackendsTest, ErrorNamesAMissingUserFile) {
  const files::TestDirectory folder;
  const std::string file = folder.File("users");
  const AuthSpec spec = Spec(AuthSpec::Kind::kCdb, file);
  const auto opened = OpenLibraryBackend(spec, {}, "mx.example.org");
  EXPECT_FALSE(opened.ok());
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr(file));
  const AuthSpec other = Spec(AuthSpec::Kind::kCdb, folder.File("other"));
  const auto checked = CheckUserFiles({.specs = {spec, other}});
  ASSERT_EQ(checked.size(), 2u);
  EXPECT_EQ(checked[0].code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(checked[0].message()),
              HasSubstr("--auth cdb:" + file + ": "));
}

TEST(LibraryBackendsTest, OnlyUserFilesAreChecked) {
  EXPECT_TRUE(CheckUserFiles({.specs = {Spec(AuthSpec::Kind::kSasl)}}).empty());
  EXPECT_TRUE(CheckUserFiles({}).empty());
}

TEST(LibraryBackendsTest, BackendsWithoutALibraryAreUnimplemented) {
  const auto opened = OpenLibraryBackend(Spec(AuthSpec::Kind::kOauth), {}, "h");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace postern::service
