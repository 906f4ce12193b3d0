// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/stdio.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace postern::transports {
namespace {

// Packets keep their boundaries, so that a test sees each write.
class PacketPair {
 public:
  PacketPair() {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    client = pair[0];
    server = pair[1];
  }
  ~PacketPair() {
    close(client);
    close(server);
  }

  void Send(absl::string_view bytes) {
    EXPECT_EQ(send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void EndOfInput() { shutdown(client, SHUT_WR); }
  // What the server has written, one string for each write.
  std::vector<std::string> Writes() {
    std::vector<std::string> writes;
    std::array<char, 1 << 16> bytes;
    ssize_t n = 0;
    while ((n = recv(client, bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
      writes.emplace_back(bytes.data(), static_cast<size_t>(n));
    }
    return writes;
  }

  int client = -1;
  int server = -1;
};

class AcceptAll : public Policy {
 public:
  std::optional<Verdict> Decide(const Ask&, const SharedSessionInfo&,
                                Later) override {
    return Verdict::Accept();
  }
};

// Answers each question from its own thread.
class Elsewhere : public Policy {
 public:
  ~Elsewhere() override {
    for (std::thread& thread : threads_) thread.join();
  }
  std::optional<Verdict> Decide(const Ask&, const SharedSessionInfo&,
                                Later later) override {
    threads_.emplace_back(
        [done = later()]() mutable { std::move(done)(Verdict::Accept()); });
    return std::nullopt;
  }

 private:
  std::vector<std::thread> threads_;
};

class Never : public Policy {
 public:
  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo&,
                                Later later) override {
    if (!std::holds_alternative<Mail>(ask.what)) return Verdict::Accept();
    kept_ = later();
    return std::nullopt;
  }

 private:
  Done kept_;
};

// Keeps committed messages. With `slow`, each Write() blocks the transaction
// until another thread calls `ready`.
class Kept : public Delivery {
 public:
  explicit Kept(bool slow = false) : slow_(slow) {}
  ~Kept() override {
    for (std::thread& thread : threads_) thread.join();
  }

  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }

  std::vector<std::string> messages;

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(Kept* kept) : kept_(*kept) {}
    std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&> ready) override {
      for (absl::string_view slice : slices) {
        text_.append(slice.data(), slice.size());
      }
      if (!kept_.slow_) return true;
      kept_.threads_.emplace_back(std::move(ready));
      return false;
    }
    void Commit(Policy::Done done) override {
      kept_.messages.push_back(std::move(text_));
      std::move(done)(Verdict::Accept());
    }

   private:
    Kept& kept_;
    std::string text_;
  };

  const bool slow_;
  std::vector<std::thread> threads_;
};

constexpr absl::string_view kMail =
    "EHLO client\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n";

struct Server {
  SessionEnd Run(PacketPair* pair) {
    config.greeting = "mx";
    options.times.linger = absl::Milliseconds(10);
    ResponderOptions responder;
    responder.policy = policy;
    responder.delivery = delivery;
    responder.host_name = "mx";
    responder.stamp = [] { return TraceStamp{absl::UnixEpoch(), "id"}; };
    net::DescriptorStream stream(pair->server, pair->server);
    return ServeStdio(config, std::move(responder), {}, options, &stream);
  }

  AcceptAll accept_all;
  Kept kept;
  Policy* policy = &accept_all;
  Delivery* delivery = &kept;
  ServerConfig config;
  StdioOptions options;
};

TEST(StdioTest, ServesASessionAndAnswersEachReadWithOneWrite) {
  PacketPair pair;
  Server server;
  pair.Send(kMail);
  pair.Send("Subject: x\r\n\r\nhi\r\n.\r\nNOOP\r\nQUIT\r\n");
  const SessionEnd result = server.Run(&pair);
  EXPECT_EQ(result.reason, CloseReason::kQuit);
  EXPECT_TRUE(result.clean);
  EXPECT_TRUE(result.flushed);
  EXPECT_EQ(pair.Writes(),
            (std::vector<std::string>{
                "220 mx ESMTP\r\n",
                "250-mx\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n"
                "250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n"
                "250-CHUNKING\r\n250 LIMITS RCPTMAX=1000\r\n"
                "250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go ahead\r\n",
                "250 2.0.0 ok\r\n250 2.0.0 ok\r\n221 2.0.0 mx\r\n"}));
  ASSERT_EQ(server.kept.messages.size(), 1u);
  EXPECT_EQ(server.kept.messages[0],
            "Received: from client (unknown)\r\n\tby mx with ESMTP id id;\r\n"
            "\tThu, 01 Jan 1970 00:00:00 +0000\r\nSubject: x\r\n\r\nhi\r\n");
}

TEST(StdioTest, WaitsForAnswersFromOtherThreads) {
  PacketPair pair;
  Server server;
  Elsewhere elsewhere;
  Kept slow(/*slow=*/true);
  server.policy = &elsewhere;
  server.delivery = &slow;
  pair.Send(kMail);
  pair.Send("one\r\n");
  pair.Send("two\r\n");
  pair.Send(".\r\nQUIT\r\n");
  EXPECT_TRUE(server.Run(&pair).clean);
  ASSERT_EQ(slow.messages.size(), 1u);
  EXPECT_NE(slow.messages[0].find("one\r\ntwo\r\n"), std::string::npos);
}

TEST(StdioTest, AMissingAnswerEndsTheSession) {
  PacketPair pair;
  Server server;
  Never never;
  server.policy = &never;
  server.options.times.answer_timeout = absl::Milliseconds(10);
  pair.Send(kMail);
  pair.EndOfInput();
  EXPECT_EQ(server.Run(&pair).reason, CloseReason::kTimeout);
  EXPECT_EQ(pair.Writes().back(), "421 4.4.2 timeout (#4.4.2)\r\n");
}

TEST(StdioTest, AnEndOfInputIsCleanOnlyOutsideLinesAndTransactions) {
  struct Case {
    absl::string_view input;
    bool clean;
  };
  const std::string overlong = "NOOP " + std::string(5000, 'x');
  const std::string overlong_ended = overlong + "\r\n";
  const Case cases[] = {
      {"", true},
      {"EHLO c\r\n", true},
      {"EHLO c\r\nNOO", false},
      {"EHLO c\r\nMAIL FROM:<>\r\n", false},
      {"EHLO c\r\nMAIL FROM:<>\r\nRSET\r\n", true},
      {"MAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\nhalf\r\n", false},
      {"MAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\n.\r\n", true},
      // Content that is already refused, and a command that is too long.
      {"MAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\na\nb\r\nc\r\n", false},
      {"MAIL FROM:<>\r\nRCPT TO:<u@d>\r\nDATA\r\na\nb\r\n.\r\n", true},
      {overlong, false},
      {overlong_ended, true},
  };
  for (const Case& c : cases) {
    PacketPair pair;
    Server server;
    server.config.require_hello = false;
    if (!c.input.empty()) pair.Send(c.input);
    pair.EndOfInput();
    const SessionEnd result = server.Run(&pair);
    EXPECT_EQ(result.reason, CloseReason::kPeerGone) << c.input;
    EXPECT_EQ(result.clean, c.clean) << c.input;
  }
}

TEST(StdioTest, AHangUpInTheMiddleOfAMessageDeliversNothing) {
  PacketPair pair;
  Server server;
  pair.Send(kMail);
  pair.Send("half a message\r\n.\r");
  pair.EndOfInput();
  EXPECT_EQ(server.Run(&pair).reason, CloseReason::kPeerGone);
  EXPECT_TRUE(server.kept.messages.empty());
}

TEST(StdioTest, ASilentClientGetsATimeout) {
  PacketPair pair;
  Server server;
  server.config.command_timeout = absl::Milliseconds(10);
  EXPECT_EQ(server.Run(&pair).reason, CloseReason::kTimeout);
  EXPECT_EQ(pair.Writes(),
            (std::vector<std::string>{"220 mx ESMTP\r\n",
                                      "421 4.4.2 timeout (#4.4.2)\r\n"}));
}

// A client that sends a byte, or a command, every five milliseconds.
class Trickle {
 public:
  static constexpr int kTimes = 1000;

  Trickle(int fd, std::string bytes, int times = kTimes)
      : thread_([this, fd, bytes = std::move(bytes), times] {
          for (; sent_ < times; ++sent_) {
            if (send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
          }
        }) {}
  ~Trickle() { thread_.join(); }

  // How often it has sent. Less than kTimes when the session has ended means
  // that the session did not wait for the end of the trickle.
  int sent() const { return sent_; }

 private:
  std::atomic<int> sent_ = 0;
  std::thread thread_;
};

TEST(StdioTest, ATrickleDoesNotExtendTheCommandTimeout) {
  PacketPair pair;
  Server server;
  server.config.command_timeout = absl::Milliseconds(50);
  server.options.times.session_timeout = absl::Seconds(30);
  {
    const Trickle trickle(pair.client, "x");
    EXPECT_EQ(server.Run(&pair).reason, CloseReason::kTimeout);
    EXPECT_LT(trickle.sent(), Trickle::kTimes);
    shutdown(pair.server, SHUT_RDWR);
  }
  EXPECT_EQ(pair.Writes().back(), "421 4.4.2 timeout (#4.4.2)\r\n");
}

TEST(StdioTest, ATrickleDoesNotExtendTheDataTimeout) {
  PacketPair pair;
  Server server;
  server.config.data_timeout = absl::Milliseconds(50);
  server.options.times.session_timeout = absl::Seconds(30);
  pair.Send(kMail);
  {
    const Trickle trickle(pair.client, "x");
    EXPECT_EQ(server.Run(&pair).reason, CloseReason::kTimeout);
    EXPECT_LT(trickle.sent(), Trickle::kTimes);
    shutdown(pair.server, SHUT_RDWR);
  }
  EXPECT_EQ(pair.Writes().back(), "421 4.4.2 timeout (#4.4.2)\r\n");
  EXPECT_TRUE(server.kept.messages.empty());
}

// The client ended its message with LF and waits for the reply.
TEST(StdioTest, AMessageThatEndsInLfGetsItsReplySoon) {
  PacketPair pair;
  Server server;
  server.config.bare_newline_timeout = absl::Milliseconds(10);
  server.options.times.pace = {.min_rate = 1, .grace = absl::Minutes(1)};
  pair.Send(absl::StrCat(kMail, "text\n.\n"));
  EXPECT_EQ(server.Run(&pair).reason, CloseReason::kTimeout);
  EXPECT_EQ(pair.Writes().back().substr(0, 17), "554 5.5.2 bare LF");
  EXPECT_TRUE(server.kept.messages.empty());
}

// Fast enough for each timeout, but below the rate. Refused content counts as
// content.
TEST(StdioTest, TooSlowContentIsATimeout) {
  for (absl::string_view begin : {"", "bare\nnewline\r\n"}) {
    PacketPair pair;
    Server server;
    server.config.data_block = 1;
    server.options.times.session_timeout = absl::Seconds(30);
    server.options.times.pace = {.min_rate = 1'000'000,
                                 .grace = absl::Milliseconds(50)};
    pair.Send(absl::StrCat(kMail, begin));
    {
      const Trickle trickle(pair.client, "x\r\n");
      EXPECT_EQ(server.Run(&pair).reason, CloseReason::kTimeout);
      EXPECT_LT(trickle.sent(), Trickle::kTimes);
      shutdown(pair.server, SHUT_RDWR);
    }
    EXPECT_EQ(pair.Writes().back(), "421 4.4.2 timeout (#4.4.2)\r\n");
    EXPECT_TRUE(server.kept.messages.empty());
  }
}

// The rate applies to content only. Commands may be slower.
TEST(StdioTest, FastEnoughContentIsServed) {
  PacketPair pair;
  Server server;
  server.options.times.pace = {.min_rate = 1, .grace = absl::Milliseconds(200)};
  pair.Send("EHLO c\r\n");
  std::thread client([&] {
    { const Trickle trickle(pair.client, "NOOP\r\n", 50); }
    pair.Send("MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n");
    { const Trickle trickle(pair.client, "x\r\n", 50); }
    pair.Send(".\r\nQUIT\r\n");
  });
  EXPECT_EQ(server.Run(&pair).reason, CloseReason::kQuit);
  client.join();
  EXPECT_EQ(server.kept.messages.size(), 1u);
}

// A client that makes progress may take longer than one timeout: with commands
// that need no answer, with content, and with content that is already refused.
TEST(StdioTest, ProgressExtendsTheTimeouts) {
  const std::string block(2000, 'x');
  struct Case {
    std::string before;
    std::string over_and_over;
    std::string after;
  };
  const Case cases[] = {
      {"EHLO c\r\n", "NOOP\r\n", "QUIT\r\n"},
      {"EHLO c\r\n", "RSET\r\n", "QUIT\r\n"},
      {"EHLO c\r\n", "BOGUS\r\n", "QUIT\r\n"},
      {std::string(kMail), block + "\r\n", ".\r\nQUIT\r\n"},
      {std::string(kMail) + "bare\nLF\r\n", block + "\r\n", ".\r\nQUIT\r\n"},
  };
  for (const Case& c : cases) {
    PacketPair pair;
    Server server;
    server.config.command_timeout = absl::Milliseconds(500);
    server.config.data_timeout = absl::Milliseconds(500);
    server.config.max_errors = 1000;
    pair.Send(c.before);
    std::thread client([&] {
      { const Trickle trickle(pair.client, c.over_and_over, 200); }
      pair.Send(c.after);
    });
    EXPECT_EQ(server.Run(&pair).reason, CloseReason::kQuit) << c.over_and_over;
    client.join();
  }
}

TEST(StdioTest, ATimedOutSessionGetsA421OverAPipe) {
  int input[2];
  int output[2];
  ASSERT_EQ(pipe(input), 0);
  ASSERT_EQ(pipe(output), 0);
  Server server;
  server.options.times.session_timeout = absl::Milliseconds(10);
  server.options.times.linger = absl::Seconds(5);
  server.config.greeting = "mx";
  net::DescriptorStream stream(input[0], output[1]);
  const SessionEnd result = ServeStdio(
      server.config, {.policy = server.policy, .delivery = server.delivery}, {},
      server.options, &stream);
  EXPECT_EQ(result.reason, CloseReason::kTimeout);
  EXPECT_TRUE(result.flushed);
  std::array<char, 256> bytes;
  const ssize_t n = read(output[0], bytes.data(), bytes.size());
  EXPECT_EQ(absl::string_view(bytes.data(), static_cast<size_t>(n)),
            "220 mx ESMTP\r\n421 4.4.2 timeout (#4.4.2)\r\n");
  for (int fd : {input[0], input[1], output[0], output[1]}) close(fd);
}

TEST(StdioTest, CommandsDoNotExtendTheSessionTimeout) {
  PacketPair pair;
  Server server;
  server.options.times.session_timeout = absl::Milliseconds(50);
  const Trickle trickle(pair.client, "NOOP\r\n");
  EXPECT_EQ(server.Run(&pair).reason, CloseReason::kTimeout);
  EXPECT_LT(trickle.sent(), Trickle::kTimes);
  shutdown(pair.server, SHUT_RDWR);
}

TEST(StdioTest, AClientThatDoesNotReadTimesOut) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  std::thread client([fd = pair[0]] {
    while (send(fd, "NOOP\r\n", 6, MSG_NOSIGNAL) > 0) {
    }
  });
  Server server;
  server.options.times.write_timeout = absl::Milliseconds(50);
  net::DescriptorStream stream(pair[1], pair[1]);
  ResponderOptions responder;
  responder.policy = server.policy;
  responder.delivery = server.delivery;
  server.config.greeting = "mx";
  const SessionEnd result = ServeStdio(server.config, std::move(responder), {},
                                       server.options, &stream);
  EXPECT_EQ(result.reason, CloseReason::kTimeout);
  EXPECT_FALSE(result.flushed);
  close(pair[1]);
  client.join();
  close(pair[0]);
}

// Counts the clients about which it is asked.
class Counting : public AcceptAll {
 public:
  std::optional<Verdict> Decide(const Ask& ask,
                                const SharedSessionInfo& session,
                                Later later) override {
    if (std::holds_alternative<Connected>(ask.what)) ++clients;
    return AcceptAll::Decide(ask, session, later);
  }

  int clients = 0;
};

constexpr absl::Duration kTooLong = absl::Minutes(5);

TEST(StdioTest, RefusesAClientThatDoesNotWaitForTheGreeting) {
  PacketPair pair;
  Server server;
  Counting policy;
  server.policy = &policy;
  server.config.early_talk = OutOfTurn::kReject;
  server.options.times.greet_delay = kTooLong;
  pair.Send("EHLO c\r\n");
  const SessionEnd result = server.Run(&pair);
  EXPECT_EQ(result.reason, CloseReason::kAbuse);
  EXPECT_FALSE(result.clean);
  EXPECT_EQ(pair.Writes(),
            (std::vector<std::string>{
                "554 5.5.0 you must wait for my greeting (#5.5.0)\r\n"}));
  EXPECT_EQ(policy.clients, 0);
}

TEST(StdioTest, ServesAClientThatDoesNotWaitIfThatIsOnlyNoted) {
  PacketPair pair;
  Server server;
  server.options.times.greet_delay = kTooLong;
  pair.Send("NOOP\r\nQUIT\r\n");
  EXPECT_TRUE(server.Run(&pair).clean);
  EXPECT_EQ(pair.Writes(),
            (std::vector<std::string>{
                "220 mx ESMTP\r\n250 2.0.0 ok\r\n221 2.0.0 mx\r\n"}));
}

TEST(StdioTest, GreetsAClientThatWaits) {
  PacketPair pair;
  Server server;
  server.config.early_talk = OutOfTurn::kReject;
  server.config.command_timeout = absl::Milliseconds(10);
  server.options.times.greet_delay = absl::Milliseconds(10);
  EXPECT_EQ(server.Run(&pair).reason, CloseReason::kTimeout);
  EXPECT_EQ(pair.Writes(),
            (std::vector<std::string>{"220 mx ESMTP\r\n",
                                      "421 4.4.2 timeout (#4.4.2)\r\n"}));
}

TEST(StdioTest, AClientThatLeavesBeforeTheGreetingEndsCleanly) {
  PacketPair pair;
  Server server;
  server.config.early_talk = OutOfTurn::kReject;
  server.options.times.greet_delay = kTooLong;
  pair.EndOfInput();
  const SessionEnd result = server.Run(&pair);
  EXPECT_EQ(result.reason, CloseReason::kPeerGone);
  EXPECT_TRUE(result.clean);
}

// A proxy has waited already, and what it sends next comes from its client.
TEST(StdioTest, GreetsAProxysClientAtOnce) {
  PacketPair pair;
  Server server;
  Counting policy;
  server.policy = &policy;
  server.config.xclient = true;
  server.options.times.greet_delay = kTooLong;
  server.options.times.session_timeout = absl::Seconds(5);
  pair.Send("XCLIENT ADDR=192.0.2.7\r\n");
  pair.Send("QUIT\r\n");
  EXPECT_TRUE(server.Run(&pair).clean);
  EXPECT_EQ(pair.Writes(),
            (std::vector<std::string>{"220 mx ESMTP\r\n220 mx ESMTP\r\n",
                                      "221 2.0.0 mx\r\n"}));
  EXPECT_EQ(policy.clients, 2);
}

TEST(StdioTest, AcceptsAMessageInChunks) {
  PacketPair pair;
  Server server;
  pair.Send("EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT 3\r\na");
  pair.Send("\r\nBDAT 6 LAST\r\n.\r\nb\r\nQUIT\r\n");
  EXPECT_TRUE(server.Run(&pair).clean);
  ASSERT_EQ(server.kept.messages.size(), 1u);
  EXPECT_NE(server.kept.messages[0].find("+0000\r\na\r\n.\r\nb\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace postern::transports
