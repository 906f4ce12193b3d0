// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The engine's ClientSession against a Pipe: what a client without I/O makes of
// each fault, and its timeouts.

#include "engine/client_session.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/client_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/pipe.h"

namespace postern::rig {
namespace {

using testing::ElementsAre;
using Kind = ClientStep::Kind;

// Moves octets between a ClientSession and a Pipe.
class Client {
 public:
  explicit Client(Pipe* pipe) : pipe_(*pipe) {}

  // Gives the commands of a message. With `tls` and `user`, those first.
  void Give(bool tls = false, bool user = false) {
    (void)session.Greet();
    Run();
    if (tls) {
      ASSERT_TRUE(session.StartTls().ok());
      Run();
      (void)session.Greet();
      Run();
    }
    if (user) {
      ASSERT_TRUE(
          session.Auth("PLAIN", absl::string_view("\0alice\0secret", 13)).ok());
      Run();
    }
    ASSERT_TRUE(session.Send(postern::Mail{.from = {"a", "x"}}).ok());
    ASSERT_TRUE(session.Send(postern::Rcpt{.to = {"b", "y"}}).ok());
    ASSERT_TRUE(session.Send(postern::Rcpt{.to = {"c", "y"}}).ok());
    ASSERT_TRUE(session.BeginBody().ok());
    session.Quit();
    Run();
  }

  // Runs until nothing more happens without time.
  void Run() {
    while (true) {
      const ClientStep step = session.Advance(in_);
      in_.erase(0, step.consumed);
      const std::string out(session.Output());
      session.OutputWritten(out.size());
      pipe_.Send(out);
      switch (step.kind) {
        case Kind::kReply:
          replies.push_back(step.reply->code);
          continue;
        case Kind::kSkipped:
          replies.push_back(0);
          continue;
        case Kind::kBodyWanted:
          if (std::exchange(body_given_, true)) {
            ASSERT_TRUE(session.EndBody().ok());
          } else {
            ASSERT_TRUE(session.LendBody("Subject: x\r\n\r\n.dot\r\n").ok());
          }
          continue;
        case Kind::kStartTls:
          ASSERT_TRUE(pipe_.wants_tls());
          pipe_.StartTls();
          session.TlsStarted();
          continue;
        case Kind::kClosed:
          closed = step.reason;
          return;
        case Kind::kChallenge:
          ASSERT_TRUE(session.AuthCancel().ok());
          continue;
        case Kind::kNeedFlush:
        case Kind::kNeedInput:
        case Kind::kIdle:
          break;
      }
      if (!out.empty()) continue;
      // One write at a time, so that splits reach the session.
      const std::string more = pipe_.ReceiveWrite();
      if (!more.empty()) {
        in_ += more;
      } else if (pipe_.closed() && !std::exchange(ended_, true)) {
        session.EndOfInput();
      } else {
        return;
      }
    }
  }

  ClientConfig config = {.host_name = "client.example"};
  ClientSession session{config};
  std::vector<int> replies;
  std::optional<ClientClose> closed;

 private:
  Pipe& pipe_;
  std::string in_;
  bool body_given_ = false;
  bool ended_ = false;
};

TEST(ClientSessionTest, MessageArrivesUnchanged) {
  Pipe pipe({.tls = TlsMode::kStartTls, .users = {{"alice", "secret", ""}}});
  Client client(&pipe);
  client.Give(/*tls=*/true, /*user=*/true);
  EXPECT_THAT(client.replies,
              ElementsAre(220, 250, 250, 235, 250, 250, 250, 250, 221));
  EXPECT_EQ(client.closed, ClientClose::kQuit);
  ASSERT_EQ(pipe.messages().size(), 1u);
  EXPECT_EQ(pipe.messages()[0].raw(), "Subject: x\r\n\r\n.dot\r\n");
  EXPECT_EQ(pipe.messages()[0].session().info->identity, "alice");
  EXPECT_THAT(pipe.messages()[0].session().extensions,
              ElementsAre("AUTH", "PIPELINING", "STARTTLS"));
}

TEST(ClientSessionTest, RepliesMayBeSplitAtEveryOctet) {
  Pipe pipe;
  for (const Point& point :
       {Connect(), Ehlo(), Mail(), Rcpt(), Data(), EndOfData(), Quit()}) {
    pipe.On(point).Split();
  }
  pipe.Reconnect();
  Client client(&pipe);
  client.Give();
  EXPECT_THAT(client.replies, ElementsAre(220, 250, 250, 250, 250, 250, 221));
}

// RFC 5321 4.5.3.2: what a client waits for each reply, and not a moment more.
TEST(ClientSessionTest, TimeoutsAreThoseOfTheRfc) {
  const struct {
    Point point;
    absl::Duration timeout;
  } kCases[] = {
      {Connect(), absl::Minutes(5)},    {Mail(), absl::Minutes(5)},
      {Rcpt(), absl::Minutes(5)},       {Data(), absl::Minutes(2)},
      {EndOfData(), absl::Minutes(10)},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(StageName(c.point.stage));
    Pipe pipe;
    pipe.On(c.point).Stall();
    pipe.Reconnect();
    Client client(&pipe);
    client.Give();
    EXPECT_EQ(client.session.ReadTimeout(), c.timeout);
    pipe.AdvanceTime(client.session.ReadTimeout());
    client.Run();
    EXPECT_FALSE(client.closed);
    client.session.TimedOut();
    client.Run();
    EXPECT_EQ(client.closed, ClientClose::kTimeout);
  }
}

TEST(ClientSessionTest, EachFaultEndsAsItShould) {
  const struct {
    absl::string_view name;
    std::function<void(Pipe&)> fault;
    std::vector<int> replies;
    ClientClose closed;
  } kCases[] = {
      {"refused greeting",
       [](Pipe& p) { p.On(Connect()).Reply(554, "no"); },
       {554, 0, 503, 0, 0, 0, 221},
       ClientClose::kQuit},
      {"one recipient refused",
       [](Pipe& p) { p.On(Rcpt("b@y")).Reply(450, "later"); },
       {220, 250, 250, 450, 250, 250, 221},
       ClientClose::kQuit},
      {"all recipients refused",
       [](Pipe& p) { p.On(Rcpt()).Reply(550, "no"); },
       {220, 250, 250, 550, 550, 503, 221},
       ClientClose::kQuit},
      {"data refused",
       [](Pipe& p) { p.On(Data()).Reply(451, "later"); },
       {220, 250, 250, 250, 250, 451, 221},
       ClientClose::kQuit},
      {"message refused",
       [](Pipe& p) { p.On(EndOfData()).Reply(552, "full"); },
       {220, 250, 250, 250, 250, 552, 221},
       ClientClose::kQuit},
      {"shutdown",
       [](Pipe& p) { p.On(Rcpt()).Reply(421, "busy"); },
       {220, 250, 250, 421},
       ClientClose::kShutdown},
      {"closed before the reply to the message",
       [](Pipe& p) { p.On(EndOfData()).Close(); },
       {220, 250, 250, 250, 250},
       ClientClose::kPeerGone},
      {"closed inside a reply",
       [](Pipe& p) { p.On(Mail()).Close(Cut::kInside); },
       {220, 250},
       ClientClose::kPeerGone},
      {"not a reply",
       [](Pipe& p) { p.On(Mail()).Raw("nonsense\r\n"); },
       {220, 250},
       ClientClose::kProtocol},
      {"a wrong code",
       [](Pipe& p) { p.On(Data()).Reply(250, "sure"); },
       {220, 250, 250, 250, 250},
       ClientClose::kProtocol},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    Pipe pipe;
    c.fault(pipe);
    pipe.Reconnect();
    Client client(&pipe);
    client.Give();
    EXPECT_EQ(client.replies, c.replies);
    EXPECT_EQ(client.closed, c.closed);
  }
}

}  // namespace
}  // namespace postern::rig
