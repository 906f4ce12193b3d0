// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/log.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log_line.h"

namespace postern::log {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class LogTest : public testing::Test, private LogSink {
 protected:
  LogTest() { SetLogSink(this); }
  ~LogTest() override {
    SetLogFormat(LogFormat::kLogfmt);
    SetLogSink(nullptr);
  }

  std::vector<std::string> lines_;

 private:
  void Add(absl::string_view line) override { lines_.emplace_back(line); }
};

TEST_F(LogTest, WritesALineWithANewline) {
  WriteLog(LogLine("message", LineStyle()).Word("result", "accept"));
  EXPECT_THAT(lines_, ElementsAre(EndsWith(" message result=accept\n")));
}

TEST_F(LogTest, WritesASentenceWithAndWithoutAnEvent) {
  WriteLog("warning", "the disk is full");
  WriteLog("reloaded");
  EXPECT_THAT(lines_, ElementsAre(EndsWith(" warning: the disk is full\n"),
                                  EndsWith(" reloaded\n")));
  EXPECT_EQ(lines_[0], FormatLog("warning", "the disk is full"));
}

TEST_F(LogTest, SetLogFormatSelectsJson) {
  SetLogFormat(LogFormat::kJson);
  WriteLog("reloaded");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("\"event\":\"notice\"")));
}

TEST_F(LogTest, ASentenceInAScopeNamesItsSession) {
  {
    const LogScope outer({"s1", 2});
    WriteLog("maildir", "x");
    {
      const LogScope inner({"s2"});
      WriteLog("maildir", "y");
    }
    WriteLog("maildir", "z");
  }
  WriteLog("maildir", "none");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr(" session=s1 id=s1-2 "),
                                  HasSubstr(" session=s2 "),
                                  HasSubstr(" session=s1 id=s1-2 "),
                                  Not(HasSubstr("session="))));
}

TEST_F(LogTest, AScopeAppliesToItsOwnThread) {
  const LogScope scope({"s1"});
  std::thread([] { WriteLog("maildir", "x"); }).join();
  EXPECT_THAT(lines_, ElementsAre(Not(HasSubstr("session="))));
}

// The hint at --help is for a terminal. A sink is not one.
TEST_F(LogTest, AUsageErrorIsAFatalLineInASink) {
  WriteUsageError("postern", {"unknown option x", "unknown option y"});
  EXPECT_THAT(lines_, ElementsAre(EndsWith(" fatal: unknown option x\n"),
                                  EndsWith(" fatal: unknown option y\n")));
}

TEST(LogWithoutSinkTest, WritesToStandardError) {
  testing::internal::CaptureStderr();
  WriteLogAsIs("as it is\n");
  WriteUsageError("postern", {"unknown option x", "unknown option y"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "as it is\n"
            "postern: unknown option x\n"
            "postern: unknown option y\n"
            "Run with --help for more information.\n");
}

}  // namespace
}  // namespace postern::log
