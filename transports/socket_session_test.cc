// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/socket_session.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/delivery.h"
#include "engine/policy.h"
#include "gtest/gtest.h"

namespace postern::transports {
namespace {

// Answers about recipients when the test says so.
class LatePolicy : public Policy {
 public:
  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo&,
                                Later later) override {
    if (!std::holds_alternative<Rcpt>(ask.what)) return Verdict::Accept();
    open.push_back(later());
    return std::nullopt;
  }

  std::vector<Done> open;
};

class NoDelivery : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    class Transaction : public MailTransaction {
      std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
        return Verdict::Accept();
      }
      bool Write(absl::Span<const absl::string_view>,
                 absl::AnyInvocable<void() &&>) override {
        return true;
      }
      void Commit(Policy::Done done) override {
        std::move(done)(Verdict::Accept());
      }
    };
    return std::make_unique<Transaction>();
  }
};

class SocketSessionTest : public testing::Test {
 protected:
  ~SocketSessionTest() override {
    if (client_ >= 0) close(client_);
  }
  void Start(SocketSession::Options options) {
    int both[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
    client_ = both[0];
    session_.emplace(both[1], &times_, std::move(options));
    session_->Begin(config_,
                    {.policy = &policy_,
                     .delivery = &delivery_,
                     .host_name = "mx",
                     .stamp =
                         [] {
                           return TraceStamp{absl::UnixEpoch(), "1"};
                         }},
                    {});
    wait_ = session_->Run(buffer_);
  }
  void Send(absl::string_view text) {
    ASSERT_EQ(write(client_, text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    wait_ = session_->Run(buffer_);
  }
  // Returns the replies that have come.
  std::string Replies() {
    char room[4096];
    const ssize_t n = recv(client_, room, sizeof(room), MSG_DONTWAIT);
    return std::string(room, n > 0 ? n : 0);
  }

  LatePolicy policy_;
  NoDelivery delivery_;
  ServerConfig config_ = {.greeting = "mx"};
  SessionTimes times_;
  char room_[64 << 10];
  absl::Span<char> buffer_{room_};
  int client_ = -1;
  std::optional<SocketSession> session_;
  SocketSession::Wait wait_;
};

TEST_F(SocketSessionTest, WaitsForWhatTheSessionNeeds) {
  Start({});
  EXPECT_EQ(Replies(), "220 mx ESMTP\r\n");
  EXPECT_TRUE(wait_.read);
  EXPECT_FALSE(wait_.write);
  EXPECT_GT(wait_.deadline, std::chrono::steady_clock::now());
  // Nothing has happened.
  wait_ = session_->Run(buffer_);
  EXPECT_TRUE(wait_.read && !wait_.closed);
  Send("QUIT\r\n");
  EXPECT_EQ(Replies(), "221 2.0.0 mx\r\n");
  EXPECT_TRUE(wait_.closed);
  EXPECT_TRUE(session_->session().end()->clean);
}

TEST_F(SocketSessionTest, AnswerFromAnotherThreadWakesTheLoop) {
  std::promise<void> woken;
  Start({.wake = [&] { woken.set_value(); }});
  Send("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@x>\r\n");
  EXPECT_TRUE(absl::EndsWith(Replies(), "250 2.1.0 ok\r\n"));
  ASSERT_EQ(policy_.open.size(), 1u);
  std::thread([&] { std::move(policy_.open[0])(Verdict::Accept()); }).join();
  woken.get_future().get();
  EXPECT_EQ(Replies(), "");  // only Run() makes system calls
  wait_ = session_->Run(buffer_);
  EXPECT_EQ(Replies(), "250 2.1.5 ok\r\n");
}

TEST_F(SocketSessionTest, AnswerMayComeAfterTheEnd) {
  Start({});
  Send("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<u@x>\r\n");
  session_.reset();
  ASSERT_EQ(policy_.open.size(), 1u);
  std::move(policy_.open[0])(Verdict::Accept());
}

TEST_F(SocketSessionTest, DeadlinesAreApplied) {
  config_.command_timeout = absl::Milliseconds(1);
  times_.linger = absl::Milliseconds(1);
  Start({});
  for (int i = 0; i < 1000 && !wait_.closed; ++i) {
    std::this_thread::sleep_until(wait_.deadline);
    wait_ = session_->Run(buffer_);
  }
  EXPECT_TRUE(wait_.closed);
  EXPECT_TRUE(absl::StrContains(Replies(), "\r\n421 "));
}

TEST_F(SocketSessionTest, WithoutTlsTheConnectionEnds) {
  Start({.tls_first = true});
  EXPECT_TRUE(wait_.closed);
  EXPECT_EQ(Replies(), "");
}

}  // namespace
}  // namespace postern::transports
