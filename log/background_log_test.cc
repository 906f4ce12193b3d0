// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/background_log.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"
#include "log/log_line.h"
#include "system/refuse_threads.h"

namespace postern::log {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// Replaces standard error by a pipe during the test.
class BackgroundLogTest : public testing::Test {
 protected:
  BackgroundLogTest() : saved_(dup(STDERR_FILENO)) {
    std::array<int, 2> ends;
    EXPECT_EQ(pipe(ends.data()), 0);
    read_ = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
  }
  ~BackgroundLogTest() override {
    Restore();
    close(read_);
  }

  void Restore() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    saved_ = -1;
  }
  static std::unique_ptr<BackgroundLog> Start() {
    absl::StatusOr<std::unique_ptr<BackgroundLog>> log = BackgroundLog::Start();
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }
  int reader() const { return read_; }
  // Returns everything that was written. Nothing can be written afterwards.
  std::string ReadAll() {
    Restore();
    return ReadUntil("");
  }
  // Returns what was written up to `end`, or up to the end of the pipe.
  std::string ReadUntil(absl::string_view end) {
    std::string all;
    std::array<char, 65536> bytes;
    ssize_t n = 0;
    while ((end.empty() || !absl::EndsWith(all, end)) &&
           (n = read(read_, bytes.data(), bytes.size())) > 0) {
      all.append(bytes.data(), static_cast<size_t>(n));
    }
    return all;
  }

 private:
  int saved_;
  int read_ = -1;
};

TEST_F(BackgroundLogTest, AControlCharacterInALineBecomesAQuestionMark) {
  WriteLog("a\nb\x1b[2J\xff");
  EXPECT_THAT(
      ReadAll(),
      MatchesRegex("background_log_test: pid=[0-9]+ a\\?b\\?\\[2J\\?\n"));
}

TEST_F(BackgroundLogTest, ASentenceInJsonIsAnObject) {
  SetLogFormat(LogFormat::kJson);
  WriteLog("fatal", "a\nb \"\xff\"");
  WriteLog("reloaded");
  SetLogFormat(LogFormat::kLogfmt);
  WriteLog("fatal", "a\nb");
  EXPECT_THAT(
      ReadAll(),
      MatchesRegex(
          "\\{\"event\":\"fatal\",\"program\":\"background_log_test\","
          "\"pid\":[0-9]+,\"text\":\"a\\\\u000ab \\\\\"\\\\\\\\xff\\\\\"\"\\}\n"
          "\\{\"event\":\"notice\",\"program\":\"background_log_test\","
          "\"pid\":[0-9]+,\"text\":\"reloaded\"\\}\n"
          "background_log_test: pid=[0-9]+ fatal: a\\?b\n"));
}

TEST_F(BackgroundLogTest, WithoutAThreadTheLogIsWrittenAsBefore) {
  std::thread([] {
    ASSERT_TRUE(system::RefuseThreads());
    const absl::Status status = BackgroundLog::Start().status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  }).join();
  WriteLog("after");
  EXPECT_THAT(ReadAll(), EndsWith(" after\n"));
}

TEST_F(BackgroundLogTest, TheDestructorWritesAllLines) {
  {
    const std::unique_ptr<BackgroundLog> log = Start();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 100; ++i) WriteLog(absl::StrCat(t, ".", i));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  WriteLog("after");
  const std::string all = ReadAll();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 401);
  EXPECT_THAT(all, HasSubstr(" 3.99\n"));
  EXPECT_THAT(all, EndsWith(" after\n"));
}

TEST_F(BackgroundLogTest, LoggingDoesNotWaitForTheReader) {
  const std::unique_ptr<BackgroundLog> log = Start();
  const std::string line(1000, 'x');
  for (int i = 0; i < 30'000; ++i) WriteLog(line);  // without a reader
  EXPECT_THAT(ReadUntil("lines lost, the log was not read\n"),
              HasSubstr("xxx\n"));
}

TEST_F(BackgroundLogTest, FinishDoesNotWaitForAReaderThatReadsNothing) {
  std::unique_ptr<BackgroundLog> log = Start();
  // The log's thread waits for the reader before Finish() is called.
  for (int i = 0; i < 100; ++i) WriteLog(std::string(1000, 'x'));
  while (true) {
    int waiting = 0;
    ASSERT_EQ(ioctl(reader(), FIONREAD, &waiting), 0);
    if (waiting > 60'000) break;  // a pipe holds 64 KiB
  }
  EXPECT_FALSE(log->finished());
  log->Finish();
  const auto begin = std::chrono::steady_clock::now();
  while (!log->finished()) {
    ASSERT_LT(std::chrono::steady_clock::now() - begin,
              std::chrono::seconds(60));
    std::this_thread::yield();
  }
  log.reset();
}

TEST_F(BackgroundLogTest, FinishedIsTrueOnceTheReaderHasAllLines) {
  const std::unique_ptr<BackgroundLog> log = Start();
  for (int i = 0; i < 1000; ++i) WriteLog(std::string(1000, 'x'));
  WriteLog("last");
  log->Finish();
  EXPECT_THAT(ReadUntil(" last\n"), HasSubstr("xxx\n"));
  while (!log->finished()) std::this_thread::yield();
}

}  // namespace
}  // namespace postern::log
