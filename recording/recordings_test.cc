// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/recordings.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::recording {
namespace {

constexpr char kName[] = "/20271231T235959Z-a1.smtp";

class RecordingsTest : public testing::Test {
 protected:
  RecordingsTest()
      : recordings_({.directory = directory_.path(),
                     .program = "a test",
                     .now = [] { return absl::FromUnixSeconds(1830297599); },
                     .report =
                         [this](const absl::Status& status) {
                           reports_.push_back(std::string(status.message()));
                         }}) {}

  // A session with this id begins and ends. Returns whether it has a recorder.
  bool Serve(const std::string& id) {
    const auto recorder = recordings_.Record();
    if (recorder == nullptr) return false;
    ServerConfig config;
    SessionInfo info;
    info.session_id = id;
    recorder->OnBegin(config, info);
    recorder->OnClosed(CloseReason::kQuit);
    recorder->OnEnd("", CloseReason::kQuit);
    return true;
  }
  std::string Path(const std::string& name) const {
    return absl::StrCat(directory_.path(), name);
  }
  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  const files::TestDirectory directory_;
  std::vector<std::string> reports_;
  Recordings recordings_;
};

TEST_F(RecordingsTest, OnlyTheOwnerCanReadAFile) {
  const mode_t before = umask(0);
  EXPECT_TRUE(Serve("a1"));
  umask(before);
  struct stat facts = {};
  ASSERT_EQ(stat(Path(kName).c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
  EXPECT_TRUE(absl::EndsWith(Read(Path(kName)), "\nX: quit\n"));
}

TEST_F(RecordingsTest, NeverWritesToAFileThatExists) {
  const std::string other = Path("/other");
  std::ofstream(other) << "kept";
  ASSERT_EQ(symlink(other.c_str(), Path(kName).c_str()), 0);
  EXPECT_TRUE(Serve("a1"));
  EXPECT_EQ(Read(other), "kept");
  EXPECT_EQ(reports_.size(), 1u);
  // It is reported once, and recording has ended.
  EXPECT_FALSE(Serve("a2"));
  EXPECT_EQ(reports_.size(), 1u);
  recordings_.Resume();
  EXPECT_TRUE(Serve("a3"));
  EXPECT_EQ(reports_.size(), 1u);
}

TEST_F(RecordingsTest, ADirectoryHasALimit) {
  for (size_t i = 0; i < kMaxFiles - 1; ++i) {
    std::ofstream(Path(absl::StrCat("/", i)));
  }
  EXPECT_TRUE(CheckDirectory(directory_.path()).ok());
  EXPECT_TRUE(Serve("a1"));
  EXPECT_EQ(reports_.size(), 0u);
  EXPECT_TRUE(absl::IsResourceExhausted(CheckDirectory(directory_.path())));
  EXPECT_TRUE(Serve("a2"));
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_TRUE(absl::StrContains(reports_[0], "1000 files")) << reports_[0];
}

// A limit on the size of files has the effect of a full disk.
TEST_F(RecordingsTest, AFullDiskLeavesNoFile) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_TRUE(Serve("a1"));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(reports_.size(), 1u);
  EXPECT_EQ(access(Path(kName).c_str(), F_OK), -1);
  EXPECT_FALSE(Serve("a2"));
}

TEST_F(RecordingsTest, NamesWhatIsWrongWithADirectory) {
  EXPECT_TRUE(absl::IsNotFound(CheckDirectory(Path("/none"))));
  EXPECT_FALSE(CheckDirectory(Path(kName)).ok());
  ASSERT_EQ(chmod(directory_.path().c_str(), 0777), 0);
  EXPECT_TRUE(absl::StrContains(CheckDirectory(directory_.path()).message(),
                                "every user can write"));
  ASSERT_EQ(chmod(directory_.path().c_str(), 0700), 0);
}

}  // namespace
}  // namespace postern::recording
