// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The engine's ClientSession against a Pipe: what a client without I/O makes of
// each fault, and its timeouts.

#include "engine/client_session.h"

#include <functional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/client_step.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/pipe.h"
#include "rig/pipe_client.h"

namespace postern::rig {
namespace {

using testing::ElementsAre;

TEST(ClientSessionTest, MessageArrivesUnchanged) {
  Pipe pipe({.tls = TlsMode::kStartTls, .users = {{"alice", "secret", ""}}});
  PipeClient client(&pipe);
  client.Give(/*tls=*/true, /*user=*/true);
  EXPECT_THAT(client.replies(),
              ElementsAre(220, 250, 250, 235, 250, 250, 250, 250, 221));
  EXPECT_EQ(client.closed(), ClientClose::kQuit);
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
  PipeClient client(&pipe);
  client.Give();
  EXPECT_THAT(client.replies(), ElementsAre(220, 250, 250, 250, 250, 250, 221));
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
    PipeClient client(&pipe);
    client.Give();
    EXPECT_EQ(client.session().ReadTimeout(), c.timeout);
    pipe.AdvanceTime(client.session().ReadTimeout());
    client.Run();
    EXPECT_FALSE(client.closed());
    client.session().TimedOut();
    client.Run();
    EXPECT_EQ(client.closed(), ClientClose::kTimeout);
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
    PipeClient client(&pipe);
    client.Give();
    EXPECT_EQ(client.replies(), c.replies);
    EXPECT_EQ(client.closed(), c.closed);
  }
}

}  // namespace
}  // namespace postern::rig
