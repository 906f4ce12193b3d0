// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/recordings.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace {

// Whether close(2) of a regular file reports that it is not on the disk.
thread_local bool close_fails = false;

}  // namespace

// Replaces the C library's close() for the code under test.
extern "C" __attribute__((visibility("default"))) int close(int fd) {
  struct stat facts = {};
  const bool fails =
      close_fails && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
  const int result = static_cast<int>(syscall(SYS_close, fd));
  if (!fails) return result;
  errno = EDQUOT;
  return -1;
}

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

// NFS reports a full disk or quota only when the file is closed.
TEST_F(RecordingsTest, AFileThatCannotBeClosedIsRemoved) {
  close_fails = true;
  EXPECT_TRUE(Serve("a1"));
  close_fails = false;
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_TRUE(absl::StrContains(reports_[0], kName)) << reports_[0];
  EXPECT_EQ(access(Path(kName).c_str(), F_OK), -1);
  EXPECT_FALSE(Serve("a2"));
}

// A disk that hangs does not fill the memory.
TEST_F(RecordingsTest, RecordingsThatWaitHaveALimit) {
  std::vector<absl::AnyInvocable<void() &&>> tasks;
  Recordings recordings({.directory = directory_.path(),
                         .program = "a test",
                         .now = [] { return absl::UnixEpoch(); },
                         .run =
                             [&tasks](absl::AnyInvocable<void() &&> task) {
                               tasks.push_back(std::move(task));
                             },
                         .report =
                             [this](const absl::Status& status) {
                               reports_.push_back(
                                   std::string(status.message()));
                             }});
  const ServerConfig config;
  const std::string reply(1000000, 'x');
  const auto late = recordings.Record();
  size_t sessions = 0;
  while (const auto recorder = recordings.Record()) {
    SessionInfo info;
    info.session_id = absl::StrCat("a", ++sessions);
    ASSERT_LT(sessions, 100u);
    recorder->OnBegin(config, info);
    recorder->OnReplies(absl::StrCat("220 ", reply, "\r\n"));
    recorder->OnEnd("", CloseReason::kPeerGone);
  }
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_TRUE(
      absl::EndsWith(reports_[0], ": 32 MiB of recordings wait to be written"))
      << reports_[0];
  EXPECT_EQ(tasks.size(), kMaxWaiting / reply.size());
  // A session that began before is dropped, too.
  late->OnBegin(config, SessionInfo());
  late->OnEnd("", CloseReason::kPeerGone);
  EXPECT_EQ(tasks.size(), kMaxWaiting / reply.size());
  // What waits is stored, and then there is room again.
  for (auto& task : tasks) std::move(task)();
  for (size_t i = 1; i <= tasks.size(); ++i) {
    const std::string text =
        Read(Path(absl::StrCat("/19700101T000000Z-a", i, ".smtp")));
    EXPECT_TRUE(absl::EndsWith(text, "\nB: peer-gone\n")) << i;
  }
  EXPECT_EQ(recordings.Record(), nullptr);
  tasks.clear();
  recordings.Resume();
  const auto recorder = recordings.Record();
  ASSERT_NE(recorder, nullptr);
  recorder->OnBegin(config, SessionInfo());
  recorder->OnEnd("", CloseReason::kPeerGone);
  EXPECT_EQ(tasks.size(), 1u);
  EXPECT_EQ(reports_.size(), 1u);
}

TEST_F(RecordingsTest, NamesWhatIsWrongWithADirectory) {
  EXPECT_TRUE(absl::IsNotFound(CheckDirectory(Path("/none"))));
  EXPECT_FALSE(CheckDirectory(Path(kName)).ok());
  ASSERT_EQ(chmod(directory_.path().c_str(), 0777), 0);
  EXPECT_TRUE(absl::StrContains(CheckDirectory(directory_.path()).message(),
                                "every user can write"));
  ASSERT_EQ(chmod(directory_.path().c_str(), 0770), 0);
  EXPECT_TRUE(absl::StrContains(CheckDirectory(directory_.path()).message(),
                                "its group can write"));
  ASSERT_EQ(chmod(directory_.path().c_str(), 01770), 0);
  EXPECT_TRUE(CheckDirectory(directory_.path()).ok());
  ASSERT_EQ(chmod(directory_.path().c_str(), 0700), 0);
}

}  // namespace
}  // namespace postern::recording
