// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Children that this process may not kill, such as set-user-id programs that
// have changed their real user. The kernel refuses kill(2) to this process,
// even as root. This cannot be undone, so these tests are a program of their
// own.

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "system/child_process.h"
#include "system/child_reaper.h"
#include "system/deadline.h"
#include "system/pipe.h"
#include "system/refuse_kill.h"
#include "system/refuse_threads.h"

namespace postern::system {
namespace {

using End = ChildProcess::End;
using Result = ChildProcess::Result;

// Long enough for the slowest computer: a wait of this length is a failure.
constexpr std::chrono::seconds kPatience{30};

class ChildLeftTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(RefuseKill()); }

  ChildLeftTest() {
    EXPECT_TRUE(MakePipe(&read_end_, &write_end_));
    child_ = Start("read x; exit 7");
    pid_ = child_.pid();
    read_end_.Reset();
  }

  // Starts a child whose standard input is the pipe.
  ChildProcess Start(const std::string& script) const {
    const std::string arguments[] = {"/bin/sh", "-c", script};
    const std::pair<int, int> descriptors[] = {{read_end_.get(), STDIN_FILENO}};
    auto child = ChildProcess::Start(
        {.arguments = arguments, .descriptors = descriptors});
    EXPECT_TRUE(child.ok()) << child.status();
    return *std::move(child);
  }

  // Closes the pipe, so that the child ends.
  void LetGo() { write_end_.Reset(); }
  bool Runs() const {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(pid_), &info,
                  WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
  }

  // Waits for the result of a child that was left. Returns kLost if none comes.
  static Result Await(std::promise<Result>* ended) {
    std::future<Result> end = ended->get_future();
    if (end.wait_for(kPatience) != std::future_status::ready) return {};
    return end.get();
  }

  Descriptor read_end_;
  Descriptor write_end_;
  ChildProcess child_;
  pid_t pid_ = -1;
};

TEST_F(ChildLeftTest, ALeftChildIsReapedWhenItEnds) {
  ChildReaper reaper;
  std::promise<Result> ended;
  child_.OnLateEnd([&ended](Result result) { ended.set_value(result); });
  EXPECT_EQ(child_.Wait(Deadline(absl::Milliseconds(20))).end, End::kLeft);
  EXPECT_EQ(child_.pid(), -1);
  EXPECT_TRUE(Runs());
  LetGo();
  const Result result = Await(&ended);
  EXPECT_EQ(result.end, End::kExited);
  EXPECT_EQ(result.code, 7);
  // The child is not a zombie.
  EXPECT_EQ(waitpid(pid_, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(ChildLeftTest, TheDestructorAlsoLeavesTheChild) {
  ChildReaper reaper;
  std::promise<Result> ended;
  child_.OnLateEnd([&ended](Result result) { ended.set_value(result); });
  { const ChildProcess gone = std::move(child_); }
  EXPECT_TRUE(Runs());
  LetGo();
  EXPECT_EQ(Await(&ended).code, 7);
}

TEST_F(ChildLeftTest, TheReapersDestructorDoesNotWaitForChildren) {
  {
    ChildReaper reaper;
    child_.OnLateEnd(
        [](Result) { FAIL() << "called although the child runs"; });
    EXPECT_EQ(child_.Wait(Deadline(absl::ZeroDuration())).end, End::kLeft);
  }
  EXPECT_TRUE(Runs());
  LetGo();
  EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
}

TEST_F(ChildLeftTest, EndAllReturnsThatItMayNotKillAChild) {
  const pid_t tester = fork();  // no child can be started after EndAll()
  if (tester == 0) _exit(ChildProcess::EndAll() > 0 ? 0 : 1);
  int status = -1;
  EXPECT_EQ(waitpid(tester, &status, 0), tester);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(Runs());
  LetGo();
}

// Takes a child, and returns only when the test lets it.
class SlowHeir : public LeftChildren {
 public:
  void Take(pid_t, std::function<void(Result)>) override {
    entered.set_value();
    leave.get_future().wait();
    done = true;
  }

  std::promise<void> entered;
  std::promise<void> leave;
  bool done = false;
};

TEST_F(ChildLeftTest, SetLeftChildrenWaitsForACallOfThePreviousObject) {
  SlowHeir heir;
  SetLeftChildren(&heir);
  std::thread waits([this] {
    EXPECT_EQ(child_.Wait(Deadline(absl::ZeroDuration())).end, End::kLeft);
  });
  heir.entered.get_future().wait();
  std::promise<void> begun;
  std::future<void> replaced = std::async(std::launch::async, [&] {
    begun.set_value();
    SetLeftChildren(nullptr);
    EXPECT_TRUE(heir.done);  // ThreadSanitizer reports it if nothing waited
  });
  begun.get_future().wait();
  EXPECT_EQ(replaced.wait_for(std::chrono::milliseconds(50)),
            std::future_status::timeout);
  heir.leave.set_value();
  replaced.wait();
  waits.join();
  LetGo();
  EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
}

TEST_F(ChildLeftTest, WithoutAReaperTheChildIsNotReaped) {
  EXPECT_EQ(child_.Wait(Deadline(absl::ZeroDuration())).end, End::kLeft);
  EXPECT_TRUE(Runs());
  LetGo();
  EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
}

TEST_F(ChildLeftTest, IfNoThreadStartsTheNextLeftChildTriesAgain) {
  ChildReaper reaper;
  std::promise<Result> ended;
  child_.OnLateEnd([&ended](Result result) { ended.set_value(result); });
  std::thread([this] {
    ASSERT_TRUE(RefuseThreads());
    EXPECT_EQ(child_.Wait(Deadline(absl::ZeroDuration())).end, End::kLeft);
  }).join();
  LetGo();
  // The next child that is left starts a thread, which reaps both.
  ASSERT_TRUE(MakePipe(&read_end_, &write_end_));
  ChildProcess next = Start("read x; exit 8");
  read_end_.Reset();
  std::promise<Result> next_ended;
  next.OnLateEnd(
      [&next_ended](Result result) { next_ended.set_value(result); });
  EXPECT_EQ(next.Wait(Deadline(absl::ZeroDuration())).end, End::kLeft);
  EXPECT_EQ(Await(&ended).code, 7);
  LetGo();
  EXPECT_EQ(Await(&next_ended).code, 8);
}

}  // namespace
}  // namespace postern::system
