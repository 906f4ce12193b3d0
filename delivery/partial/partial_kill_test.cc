// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server is killed before each of its system calls that change a file, while
// a client sends a message that the next hop accepts for one of two recipients.
// The client sends it again until it gets a 250. Then no recipient has lost the
// message, and one has it twice only if the server was killed between the
// acceptance of the next hop and the reply to the client.

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "delivery/partial/accepted_recipients.h"
#include "delivery/partial/partial_delivery.h"
#include "delivery/partial/scripted_delivery.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

// The number of calls until the process kills itself; -1: it does not.
int calls_left = -1;
// The calls so far: 's' for fsync and fdatasync, '.' for another, and the marks
// of the test.
std::string calls_made;

void Call(char what = '.') {
  if (calls_left >= 0 && calls_left-- == 0) raise(SIGKILL);
  calls_made += what;
}

}  // namespace

// These replace the functions of the C library that SQLite uses.
#pragma GCC visibility push(default)
extern "C" {

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  Call();
  return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  Call();
  return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int fsync(int fd) {
  Call('s');
  return static_cast<int>(syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  Call('s');
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

int ftruncate64(int fd, off64_t size) noexcept {
  Call();
  return static_cast<int>(syscall(SYS_ftruncate, fd, size));
}

int unlink(const char* path) noexcept {
  Call();
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

}  // extern "C"
#pragma GCC visibility pop

namespace postern::delivery {
namespace {

using testing::AnyOf;

constexpr absl::string_view kContent = "Message-ID: <1@x>\r\n\r\nx\r\n";
constexpr int kMaxCalls = 500;  // a test with more calls would not end
constexpr int kMaxAttempts = 5;

class PartialKillTest : public testing::Test {
 protected:
  // Appends a line to the record of the test, which outlives the server.
  void Note(absl::string_view line) const {
    const std::string text = absl::StrCat(line, "\n");
    const auto fd = syscall(SYS_openat, AT_FDCWD, record_.c_str(),
                            O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (syscall(SYS_write, fd, text.data(), text.size()) !=
        static_cast<ssize_t>(text.size())) {
      abort();
    }
    syscall(SYS_close, fd);
  }

  // One attempt of the client, in the process of a server. Returns the code of
  // the reply.
  int Attempt(bool hop_accepts_b) const {
    AcceptedRecipients table({.file = folder_->File("accepted")});
    if (absl::Status status = table.Open(); !status.ok()) {
      Note(status.message());
      return 0;
    }
    TaskQueue tasks;
    const auto hop = std::make_shared<ScriptedDelivery>();
    if (!hop_accepts_b) hop->at_end = {{"b", {552, {5, 2, 2}, "full"}}};
    hop->store = [this](const std::string& to, const std::string& content) {
      Note(content == kContent ? to : "wrong content");
      calls_made += to;
    };
    PartialDelivery delivery(hop, {.accepted = &table,
                                   .destination = "lmtp:unix:/lmtp",
                                   .directory = folder_->path(),
                                   .run = tasks.run()});
    ScriptedClient client{&delivery, &tasks};
    client.on_answer = [this](const Reply& reply) {
      Note(absl::StrCat(reply.code));
      calls_made += 'r';
    };
    return client.Send("s", {"a", "b"}, kContent).code;
  }

  // Runs Attempt() in a server that is killed before call number `calls`, or
  // not if it is negative. Returns whether it was killed.
  bool Serve(int calls, bool hop_accepts_b) {
    const pid_t child = fork();
    if (child == 0) {
      calls_left = calls;
      const int code = Attempt(hop_accepts_b);
      _exit(code == 250 || code == 451 ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status)) {
      EXPECT_EQ(status, 0) << ::testing::PrintToString(Record());
      return false;
    }
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    Note("killed");
    return true;
  }

  std::vector<std::string> Record() const {
    if (access(record_.c_str(), F_OK) != 0) return {};
    std::vector<std::string> lines =
        absl::StrSplit(folder_->Read("record"), '\n', absl::SkipEmpty());
    return lines;
  }
  bool Has250() const {
    const std::vector<std::string> record = Record();
    return std::count(record.begin(), record.end(), "250") > 0;
  }

  void Begin() {
    folder_.emplace();
    record_ = folder_->File("record");
  }

  // The client sends the message until it has a 250. No server is killed any
  // more, and the next hop accepts it.
  void Finish() {
    for (int i = 0; i < kMaxAttempts && !Has250(); ++i) {
      Serve(-1, /*hop_accepts_b=*/true);
    }
    EXPECT_TRUE(Has250());
  }

  // Both have it. `twice` is how often a recipient may have it twice.
  void ExpectOnce() {
    const std::vector<std::string> record = Record();
    const std::string all = ::testing::PrintToString(record);
    // The recipients that the next hop has accepted since the last reply.
    std::string unanswered;
    for (size_t i = 0; i < record.size(); ++i) {
      const std::string& line = record[i];
      if (line == "250" || line == "451") unanswered.clear();
      if (line != "a" && line != "b") {
        EXPECT_THAT(line, AnyOf("250", "451", "killed"));
        continue;
      }
      const auto before = std::count(
          record.begin(), record.begin() + static_cast<int>(i), line);
      if (before == 0) {
        unanswered += line;
        continue;
      }
      // A duplicate: the server was killed before it could reply.
      EXPECT_EQ(before, 1) << all;
      EXPECT_TRUE(absl::StrContains(unanswered, line)) << all;
      ++duplicates_;
    }
    for (const char* to : {"a", "b"}) {
      EXPECT_GE(std::count(record.begin(), record.end(), to), 1) << all;
    }
  }

  std::optional<files::TestDirectory> folder_;
  std::string record_;
  int duplicates_ = 0;
};

TEST_F(PartialKillTest, FirstAttempt) {
  int calls = 0;
  int kills = 0;
  for (; calls < kMaxCalls; ++calls) {
    Begin();
    const bool killed = Serve(calls, /*hop_accepts_b=*/false);
    Finish();
    ExpectOnce();
    if (!killed) break;
    ++kills;
  }
  EXPECT_LT(calls, kMaxCalls);
  EXPECT_GT(kills, 10);
  // The window exists, so the test looks at it.
  EXPECT_GE(duplicates_, 1);
  EXPECT_LT(duplicates_, kills / 2);
}

TEST_F(PartialKillTest, SecondAttempt) {
  for (const bool hop_accepts_b : {false, true}) {
    int calls = 0;
    for (; calls < kMaxCalls; ++calls) {
      Begin();
      Serve(-1, /*hop_accepts_b=*/false);
      const bool killed = Serve(calls, hop_accepts_b);
      Finish();
      ExpectOnce();
      const std::vector<std::string> record = Record();
      EXPECT_EQ(std::count(record.begin(), record.end(), "a"), 1);
      if (!killed) break;
    }
    EXPECT_LT(calls, kMaxCalls);
    EXPECT_GT(calls, 5);
  }
}

// For a power cut: the disk has the record before the client has the reply.
TEST_F(PartialKillTest, RecordIsSynchronizedBeforeTheReply) {
  Begin();
  for (const bool hop_accepts_b : {false, true}) {
    calls_made.clear();
    Attempt(hop_accepts_b);
    const size_t accepted = calls_made.find(hop_accepts_b ? 'b' : 'a');
    const size_t reply = calls_made.find('r');
    ASSERT_LT(accepted, reply) << calls_made;
    ASSERT_NE(reply, std::string::npos) << calls_made;
    EXPECT_TRUE(
        absl::StrContains(calls_made.substr(accepted, reply - accepted), ".s"))
        << calls_made;
  }
}

}  // namespace
}  // namespace postern::delivery
