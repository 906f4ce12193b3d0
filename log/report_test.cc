// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/report.h"

#include <errno.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "log/log.h"

namespace postern::log {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

TEST(ReportTest, AReportWithoutAFunctionDropsTheLine) {
  Report()("a line");
  Report(nullptr)("a line");
  Report(Report::Function())("a line");
  const Report copy = Report();
  copy("a line");
}

TEST(ReportTest, CallsItsFunction) {
  std::vector<std::string> lines;
  Report report = [&lines](absl::string_view line) {
    lines.emplace_back(line);
  };
  report("first");
  const Report copy = report;
  copy("second");
  ReportError(copy, "maildir /x", -ENOENT);
  EXPECT_THAT(lines, ElementsAre("first", "second",
                                 "maildir /x: No such file or directory"));
}

class Lines : public LogSink {
 public:
  Lines() { SetLogSink(this); }
  ~Lines() override { SetLogSink(nullptr); }
  void Add(absl::string_view line) override { lines.emplace_back(line); }

  std::vector<std::string> lines;
};

TEST(ReportTest, ReportToLogWritesASentenceWithItsEvent) {
  Lines log;
  ReportToLog("auth")("checker: No such file or directory");
  EXPECT_THAT(
      log.lines,
      ElementsAre(EndsWith(" auth: checker: No such file or directory\n")));
}

}  // namespace
}  // namespace postern::log
