// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "files/reloading_file.h"

#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::files {
namespace {

class ReloadingFileTest : public testing::Test {
 protected:
  // Returns the content of the file. The content "bad" is an error.
  absl::StatusOr<std::string> Open() {
    ++opened_;
    std::string content = directory_.Read("x");
    if (content == "bad") return absl::DataLossError("it is bad");
    return content;
  }
  // Replaces x by another file with rename(2).
  void Replace(const std::string& content) {
    directory_.Write("y", content);
    ASSERT_EQ(
        rename(directory_.File("y").c_str(), directory_.File("x").c_str()), 0);
  }
  // Returns the current content, or the message of the error.
  std::string Get() {
    const auto value = file_.Get();
    return value.ok() ? **value : std::string(value.status().message());
  }

  TestDirectory directory_;
  int opened_ = 0;
  ReloadingFile<std::string> file_{
      directory_.File("x"), [this](const std::string&) { return Open(); }};
};

TEST_F(ReloadingFileTest, OpensAnUnchangedFileOnce) {
  directory_.Write("x", "one");
  EXPECT_EQ(Get(), "one");
  EXPECT_EQ(Get(), "one");
  EXPECT_EQ(opened_, 1);
}

TEST_F(ReloadingFileTest, OpensAFileThatReplacesTheFirst) {
  Replace("one");
  EXPECT_EQ(Get(), "one");
  Replace("two");  // the same length as the first
  EXPECT_EQ(Get(), "two");
  EXPECT_EQ(opened_, 2);
}

TEST_F(ReloadingFileTest, AReturnedObjectStaysUnchanged) {
  directory_.Write("x", "one");
  const std::shared_ptr<const std::string> before = *file_.Get();
  Replace("two");
  EXPECT_EQ(Get(), "two");
  EXPECT_EQ(*before, "one");
}

TEST_F(ReloadingFileTest, AMissingFileIsNotFoundAndNamed) {
  EXPECT_EQ(file_.Get().status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(Get(), directory_.File("x"))) << Get();
  directory_.Write("x", "one");
  EXPECT_EQ(Get(), "one");
  directory_.Remove("x");
  EXPECT_EQ(file_.Get().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ReloadingFileTest, AfterAnErrorTheOldObjectIsNotUsed) {
  Replace("one");
  EXPECT_EQ(Get(), "one");
  Replace("bad");
  EXPECT_EQ(Get(), "it is bad");
  EXPECT_EQ(Get(), "it is bad");
  EXPECT_EQ(opened_, 3);
}

TEST_F(ReloadingFileTest, OpensTheFileAgainAfterAChangeOfMode) {
  directory_.Write("x", "one");
  ASSERT_EQ(chmod(directory_.File("x").c_str(), 0644), 0);
  EXPECT_EQ(Get(), "one");
  ASSERT_EQ(chmod(directory_.File("x").c_str(), 0600), 0);
  EXPECT_EQ(Get(), "one");
  EXPECT_EQ(opened_, 2);
}

}  // namespace
}  // namespace postern::files
