// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/policy.h"
#include "engine/server_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/event_loop.h"
#include "net/secure_channel.h"
#include "net/turn.h"
#include "transports/service.h"

namespace postern::transports {
namespace {

using ::testing::HasSubstr;

// Accepts everything. Counts the octets of content.
class Everything : public Policy, public Delivery {
 public:
  std::optional<Verdict> Decide(const Ask&, const SharedSessionInfo&,
                                Later) override {
    ++decided;
    return Verdict::Accept();
  }
  ExtensionSet carries() const override { return ExtensionSet::All(); }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }

  size_t decided = 0;
  size_t content = 0;

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(Everything* all) : all_(*all) {}
    std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&>) override {
      for (absl::string_view slice : slices) all_.content += slice.size();
      return true;
    }
    void Commit(Policy::Done done) override {
      std::move(done)(Verdict::Accept());
    }

   private:
    Everything& all_;
  };
};

// Like TLS with a client that puts each octet into its own record: one read
// returns one octet, and the handshake consumes all octets that arrive.
class OneOctetAtATime : public net::SecureChannel {
 public:
  struct Counts {
    size_t reads = 0;
    size_t handshake_octets = 0;  // that are still needed
    std::string error;            // of the handshake, after these octets
  };
  OneOctetAtATime(net::Channel* below, Counts* counts)
      : below_(*below), counts_(*counts) {}

  Result Handshake() override {
    for (; counts_.handshake_octets > 0; --counts_.handshake_octets) {
      const Result result = Read(absl::MakeSpan(octet_));
      if (result.kind != Result::Kind::kOk) return result;
    }
    if (!counts_.error.empty()) return {Result::Kind::kEnd};
    return {Result::Kind::kOk};
  }
  Result Read(absl::Span<char> room) override {
    const Result result = below_.Read(room.first(1));
    if (result.kind == Result::Kind::kOk) ++counts_.reads;
    return result;
  }
  Result Write(absl::string_view bytes) override { return below_.Write(bytes); }
  Result Shutdown() override { return {Result::Kind::kOk}; }
  TlsInfo info() const override { return {}; }
  std::string error() const override { return counts_.error; }

 private:
  net::Channel& below_;
  Counts& counts_;
  std::array<char, 1> octet_;
};

class ConnectionTest : public testing::Test, public ConnectionHost {
 protected:
  ConnectionTest() : ConnectionHost(&loop_, &options_) {
    config_.greeting = "mx.example";
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair_), 0);
    const int size = 4 << 20;
    setsockopt(pair_[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  }
  ~ConnectionTest() override {
    connection_.reset();
    close(pair_[0]);
  }

  void Begin(bool tls) {
    Admission admission;
    admission.host = std::make_shared<Host>(this);
    connection_.emplace(pair_[1], ConnectionId{}, tls, this);
    connection_->Begin(std::move(admission));
  }
  // Sends as much of `bytes` as the socket accepts, while the server does not
  // run.
  size_t Send(absl::string_view bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = send(pair_[0], bytes.data() + sent, bytes.size() - sent,
                             MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<size_t>(n);
    }
    return sent;
  }
  // Reports one event and runs all turns that follow. Returns their number.
  size_t Serve() {
    size_t turns = 1;
    connection_->OnEvents(EPOLLIN | EPOLLOUT);
    for (; std::exchange(yielded_, false); ++turns) connection_->Continue();
    return turns;
  }
  std::string Replies() {
    std::string text;
    std::array<char, 65536> room;
    ssize_t n = 0;
    while ((n = recv(pair_[0], room.data(), room.size(), 0)) > 0) {
      text.append(room.data(), static_cast<size_t>(n));
    }
    return text;
  }

  net::EventLoop loop_;
  SessionTimes options_;
  ServerConfig config_;
  Everything all_;
  OneOctetAtATime::Counts counts_;
  int pair_[2];
  bool yielded_ = false;
  std::vector<SessionEnd> ends_;
  std::optional<Connection> connection_;

 private:
  class Host : public SessionHost {
   public:
    explicit Host(ConnectionTest* test) : test_(*test) {}
    const ServerConfig& config() const override { return test_.config_; }
    ResponderOptions responder() override {
      ResponderOptions options;
      options.policy = &test_.all_;
      options.delivery = &test_.all_;
      options.stamp = [] { return TraceStamp{absl::UnixEpoch(), "id"}; };
      return options;
    }
    std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) override {
      return std::make_unique<OneOctetAtATime>(below, &test_.counts_);
    }
    void OnEnd(const SessionEnd& end, const SessionInfo&) override {
      test_.ends_.push_back(end);
    }

   private:
    ConnectionTest& test_;
  };

  void Admit(ConnectionId, SessionInfo) override {}
  void Post(ConnectionId, PostedAnswer answer) override {
    connection_->Answer(std::move(answer));
  }
  void Yield(ConnectionId) override { yielded_ = true; }
  bool HoldRefused() override { return false; }
  void ReleaseRefused() override {}
  void OnClosed(ConnectionId) override {}
};

constexpr absl::string_view kEnvelope =
    "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n";

TEST_F(ConnectionTest, RecordsOfOneOctetEndATurn) {
  Begin(/*tls=*/true);
  Send(kEnvelope);
  Serve();
  ASSERT_THAT(Replies(), HasSubstr("\r\n354 "));
  const size_t octets = Send(std::string(20000, 'x'));
  ASSERT_GT(octets, 10 * net::Turn::kUnits);
  const size_t before = counts_.reads;
  connection_->OnEvents(EPOLLIN);
  EXPECT_TRUE(yielded_);
  EXPECT_LE(counts_.reads - before, net::Turn::kUnits);
  // The other turns serve the rest without another event.
  for (; std::exchange(yielded_, false); connection_->Continue()) {
    EXPECT_LE(counts_.reads - before, octets);
  }
  EXPECT_EQ(counts_.reads - before, octets);
}

TEST_F(ConnectionTest, AHandshakeInManyPiecesEndsATurn) {
  counts_.handshake_octets = 20000;
  Begin(/*tls=*/true);
  Send(std::string(20000, 'x'));
  connection_->OnEvents(EPOLLIN);
  EXPECT_TRUE(yielded_);
  EXPECT_GE(counts_.handshake_octets, 20000 - net::Turn::kUnits);
  for (; std::exchange(yielded_, false); connection_->Continue()) {
  }
  EXPECT_EQ(counts_.handshake_octets, 0u);
  EXPECT_EQ(Replies(), "220 mx.example ESMTP\r\n");
}

TEST_F(ConnectionTest, CommandsInOneReadEndATurn) {
  Begin(/*tls=*/false);
  Send("EHLO c\r\n");
  Serve();
  std::string flood;
  for (int i = 0; i < 2000; ++i) {
    absl::StrAppend(&flood, "MAIL FROM:<>\r\nRSET\r\n");
  }
  const size_t sent = Send(flood);
  ASSERT_EQ(sent, flood.size());
  const size_t before = all_.decided;
  connection_->OnEvents(EPOLLIN);
  EXPECT_TRUE(yielded_);
  EXPECT_LE(all_.decided - before, net::Turn::kUnits);
  for (; std::exchange(yielded_, false); connection_->Continue()) {
    (void)Replies();
  }
  EXPECT_EQ(all_.decided - before, 2000u);
}

TEST_F(ConnectionTest, TheEndCountsTheOctets) {
  Begin(/*tls=*/false);
  Send("EHLO c\r\nQUIT\r\n");
  Serve();
  const std::string replies = Replies();
  shutdown(pair_[0], SHUT_WR);
  Serve();
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_EQ(ends_[0].bytes_in, 14u);
  EXPECT_EQ(ends_[0].bytes_out, replies.size());
}

TEST_F(ConnectionTest, TheEndNamesTheErrorOfAHandshake) {
  counts_.error = "no shared cipher";
  Begin(/*tls=*/true);
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_EQ(ends_[0].tls_error, "no shared cipher");
  EXPECT_EQ(ends_[0].reason, CloseReason::kPeerGone);
  EXPECT_FALSE(ends_[0].clean);
}

TEST_F(ConnectionTest, TheEndReportsAHandshakeTimeout) {
  counts_.handshake_octets = 1;
  options_.handshake_timeout = absl::Seconds(1);
  Begin(/*tls=*/true);
  EXPECT_TRUE(ends_.empty());
  loop_.timers().Advance(loop_.now() + std::chrono::seconds(2));
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_EQ(ends_[0].tls_error, "the handshake took too long");
  EXPECT_EQ(ends_[0].reason, CloseReason::kTimeout);
}

TEST_F(ConnectionTest, TheSessionTimeoutLimitsTheHandshake) {
  counts_.handshake_octets = 1;
  options_.handshake_timeout = absl::Hours(1);
  options_.session_timeout = absl::Seconds(1);
  Begin(/*tls=*/true);
  loop_.timers().Advance(loop_.now() + std::chrono::seconds(2));
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_EQ(ends_[0].reason, CloseReason::kTimeout);
}

// The timer is set for the handshake, which has ended. Since then the
// connection has only waited for turns.
TEST_F(ConnectionTest, AnOldDeadlineDoesNotEndASessionThatWaitsForATurn) {
  counts_.handshake_octets = 1;
  options_.handshake_timeout = absl::Seconds(1);
  Begin(/*tls=*/true);
  Send("x" + std::string(20000, 'y'));
  connection_->OnEvents(EPOLLIN | EPOLLOUT);
  ASSERT_TRUE(yielded_);
  ASSERT_EQ(counts_.handshake_octets, 0u);
  loop_.timers().Advance(loop_.now() + std::chrono::seconds(2));
  EXPECT_TRUE(ends_.empty());
  for (; std::exchange(yielded_, false); connection_->Continue()) {
  }
  EXPECT_TRUE(ends_.empty());
  EXPECT_EQ(Replies(), "220 mx.example ESMTP\r\n");
}

// The client ended its message with LF and waits for the reply.
TEST_F(ConnectionTest, AMessageThatEndsInLfGetsItsReplySoon) {
  Begin(/*tls=*/false);
  Send(absl::StrCat(kEnvelope, "text\n.\n"));
  Serve();
  loop_.timers().Advance(loop_.now() + std::chrono::seconds(5));
  EXPECT_TRUE(ends_.empty());
  loop_.timers().Advance(loop_.now() + std::chrono::seconds(11));
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_EQ(ends_[0].reason, CloseReason::kTimeout);
  EXPECT_THAT(Replies(), HasSubstr("354 go ahead\r\n554 5.5.2 bare LF"));
}

TEST_F(ConnectionTest, AMessageThatContinuesAfterLfHasTheFullTimeout) {
  Begin(/*tls=*/false);
  Send(absl::StrCat(kEnvelope, "text\n.\n"));
  Serve();
  Send("it goes on\n");
  Serve();
  loop_.timers().Advance(loop_.now() + std::chrono::minutes(4));
  EXPECT_TRUE(ends_.empty());
  Send("\r\n.\r\nQUIT\r\n");
  Serve();
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_EQ(ends_[0].reason, CloseReason::kQuit);
}

}  // namespace
}  // namespace postern::transports
