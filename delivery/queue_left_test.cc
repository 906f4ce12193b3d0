// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A queue program that cannot be killed, because it is set-user-id and has
// changed its user id. In these tests the kernel refuses kill(2).

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/open_message.h"
#include "delivery/qmail_queue.h"
#include "engine/delivery.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "system/child_reaper.h"
#include "system/refuse_kill.h"

namespace postern::delivery {
namespace {

// Long enough for the slowest host. A test that waits this long has failed.
constexpr std::chrono::seconds kPatience{30};

class QueueLeftTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(system::RefuseKill()); }

  QueueLeftTest() {
    char* cwd = getcwd(nullptr, 0);
    options_.program = absl::StrCat(cwd, "/delivery/queue_stand_in");
    free(cwd);
    options_.home = directory_.path();
    options_.queue_timeout = absl::Milliseconds(50);
    options_.report = [this](absl::string_view line) {
      if (absl::StrContains(line, "which took too long, ")) {
        late_.set_value(std::string(line));
      } else {
        report_ = std::string(line);
      }
    };
    EXPECT_EQ(mkfifo(directory_.File("go").c_str(), 0600), 0);
  }

  // Opens a message for a program that runs `script`.
  std::unique_ptr<MailTransaction> Open(const std::string& script) {
    SessionInfo session;
    session.environment = {{"STAND_IN", script},
                           {"STAND_IN_OUT", directory_.path()}};
    Opened opened =
        OpenMessage(queue_.emplace(options_), {.to = {{{"u", "d"}}}}, session);
    EXPECT_TRUE(
        std::holds_alternative<std::unique_ptr<MailTransaction>>(opened));
    return std::get<std::unique_ptr<MailTransaction>>(std::move(opened));
  }
  // Lets a program continue that waits for "go".
  void LetGo() { directory_.Write("go", ""); }

  // Returns the report of the late end; empty: there was none.
  std::string AwaitLate() {
    std::future<std::string> line = late_.get_future();
    if (line.wait_for(kPatience) != std::future_status::ready) return "";
    return line.get();
  }

  files::TestDirectory directory_;
  std::promise<std::string> late_;
  std::string report_;
  system::ChildReaper reaper_;
  QmailQueueOptions options_;
  std::optional<QmailQueue> queue_;
};

TEST_F(QueueLeftTest, ReportsThatItIsRunningAndHowItEnded) {
  auto sink = Open("message envelope await=go exit=0");
  EXPECT_TRUE(sink->Write({"a\r\n"}, [] { FAIL(); }));
  std::optional<Verdict> verdict;
  sink->Commit([&](Verdict v) { verdict = std::move(v); });
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->reply(), (Reply{451, {4, 3, 0}, "qq timeout (#4.3.0)"}));
  EXPECT_TRUE(absl::EndsWith(
      report_,
      " took too long and still runs: it is another user's process, and "
      "cannot be killed"))
      << report_;
  LetGo();
  const std::string late = AwaitLate();
  EXPECT_TRUE(absl::EndsWith(
      late,
      ", which took too long, exited with 0: the message is queued, but the "
      "client got a 451: it will be queued twice if the client sends it "
      "again"))
      << late;
}

TEST_F(QueueLeftTest, AbandonedMessageIsNotQueued) {
  auto sink = Open("await=go message envelope exit=54");
  EXPECT_TRUE(sink->Write({"a\r\n"}, [] { FAIL(); }));
  sink.reset();
  LetGo();
  const std::string late = AwaitLate();
  EXPECT_TRUE(absl::EndsWith(late, ", which took too long, exited with 54"))
      << late;
  EXPECT_EQ(directory_.Read("envelope"), "");
}

}  // namespace
}  // namespace postern::delivery
