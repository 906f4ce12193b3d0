// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Each fault, octet for octet and in virtual time.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/fault.h"
#include "rig/pipe.h"

namespace postern::rig {
namespace {

using testing::ElementsAre;

constexpr absl::string_view kEnvelope =
    "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n";
// AUTH PLAIN as alice with the password "secret".
constexpr absl::string_view kAuth = "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n";

Options WithUser() {
  return {.tls = TlsMode::kStartTls, .users = {{"alice", "secret", ""}}};
}

// What a client sends before a stage, and then to reach it.
struct Place {
  Stage stage;
  absl::string_view before;
  absl::string_view command;
  absl::string_view usual;  // the beginning of the usual reply
};
constexpr Place kPlaces[] = {
    {Stage::kConnect, "", "", "220 rig.example ESMTP\r\n"},
    {Stage::kEhlo, "", "EHLO c\r\n", "250-rig.example\r\n"},
    {Stage::kEhlo, "", "HELO c\r\n", "250 rig.example\r\n"},
    {Stage::kStartTls, "EHLO c\r\n", "STARTTLS\r\n", "220 2.0.0 ready\r\n"},
    {Stage::kAuth, "EHLO c\r\n", kAuth, "235 2.7.0 ok\r\n"},
    {Stage::kMail, "EHLO c\r\n", "MAIL FROM:<a@x>\r\n", "250 2.1.0 ok\r\n"},
    {Stage::kRcpt, "EHLO c\r\nMAIL FROM:<a@x>\r\n", "RCPT TO:<b@y>\r\n",
     "250 2.1.5 ok\r\n"},
    {Stage::kData, "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n", "DATA\r\n",
     "354 go ahead\r\n"},
    {Stage::kData, "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n",
     "BDAT 2\r\nhi", "250 2.0.0 ok\r\n"},
    {Stage::kEnd, kEnvelope, "hi\r\n.\r\n", "250 2.0.0 ok\r\n"},
    {Stage::kEnd, "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n",
     "BDAT 4 LAST\r\nhi\r\n", "250 2.0.0 ok\r\n"},
    {Stage::kRset, "EHLO c\r\n", "RSET\r\n", "250 2.0.0 flushed\r\n"},
    {Stage::kNoop, "EHLO c\r\n", "NOOP\r\n", "250 2.0.0 ok\r\n"},
    {Stage::kVrfy, "EHLO c\r\n", "VRFY b\r\n", "252 2.0.0 send"},
    {Stage::kHelp, "EHLO c\r\n", "HELP\r\n", "214"},
    {Stage::kQuit, "EHLO c\r\n", "QUIT\r\n", "221 2.0.0 rig.example\r\n"},
};

class FaultAt : public testing::TestWithParam<Place> {
 protected:
  // Reaches the place, and returns the reply there.
  static std::string Reach(Pipe& pipe) {
    const Place& place = GetParam();
    if (place.stage != Stage::kConnect) {
      pipe.Send(place.before);
      pipe.Receive();
      pipe.Send(place.command);
    }
    return pipe.Receive();
  }
  // A Pipe is connected when the test can add a fault: connect again.
  static void Begin(Pipe& pipe) { pipe.Reconnect(); }
  static Point Here() { return {GetParam().stage, ""}; }
};

TEST_P(FaultAt, WithoutAFaultTheReplyIsTheUsualOne) {
  Pipe pipe(WithUser());
  EXPECT_TRUE(absl::StartsWith(Reach(pipe), GetParam().usual));
}

TEST_P(FaultAt, AnyRefusal) {
  for (const absl::string_view reply :
       {"450 4.3.0 later", "550 5.3.0 never", "599 odd"}) {
    Pipe pipe(WithUser());
    int code = 0;
    ASSERT_TRUE(absl::SimpleAtoi(reply.substr(0, 3), &code));
    pipe.On(Here()).Once().Reply(code, reply.substr(4));
    Begin(pipe);
    EXPECT_EQ(Reach(pipe), absl::StrCat(reply, "\r\n"));
    EXPECT_FALSE(pipe.closed() && GetParam().stage != Stage::kQuit);
    EXPECT_TRUE(pipe.messages().empty());
    EXPECT_TRUE(pipe.UnmetFaults().empty());
  }
}

TEST_P(FaultAt, WrongCode) {
  for (const int code : {200, 299, 354, 399}) {
    Pipe pipe(WithUser());
    pipe.On(Here()).Reply(code, "wrong");
    Begin(pipe);
    EXPECT_EQ(Reach(pipe), absl::StrCat(code, " wrong\r\n"));
  }
}

// Otherwise the session of a client that gives up would last for hours. Some
// clients send QUIT first.
TEST_P(FaultAt, StalledSessionEndsWhenTheClientLeaves) {
  for (const absl::string_view last : {"", "QUIT\r\n"}) {
    Pipe pipe(WithUser());
    pipe.On(Here()).Stall();
    Begin(pipe);
    EXPECT_EQ(Reach(pipe), "");
    pipe.Send(last);
    pipe.AdvanceTime(absl::Minutes(1));
    pipe.EndOfInput();
    EXPECT_TRUE(pipe.closed()) << last;
    EXPECT_TRUE(pipe.sessions().back().end) << last;
  }
}

TEST_P(FaultAt, Raw) {
  for (const absl::string_view raw :
       {"", "not a reply\r\n", "250 bare LF\n", "1000 ?\r\n", "25"}) {
    Pipe pipe(WithUser());
    pipe.On(Here()).Raw(raw);
    Begin(pipe);
    EXPECT_EQ(Reach(pipe), raw);
  }
}

TEST_P(FaultAt, ShutdownClosesTheConnection) {
  Pipe pipe(WithUser());
  pipe.On(Here()).Reply(421, "4.3.2 down");
  Begin(pipe);
  EXPECT_EQ(Reach(pipe), "421 4.3.2 down\r\n");
  EXPECT_TRUE(pipe.closed());
}

TEST_P(FaultAt, CloseBeforeInsideAndAfterTheReply) {
  std::string usual;
  {
    Pipe pipe(WithUser());
    usual = Reach(pipe);
  }
  for (const Cut cut : {Cut::kBefore, Cut::kInside, Cut::kAfter}) {
    Pipe pipe(WithUser());
    pipe.On(Here()).Close(cut);
    Begin(pipe);
    const std::string reply = Reach(pipe);
    EXPECT_TRUE(pipe.closed()) << CutName(cut);
    EXPECT_EQ(reply,
              cut == Cut::kBefore
                  ? ""
                  : usual.substr(0, cut == Cut::kInside ? usual.size() / 2
                                                        : usual.size()));
    // The client may have lost the reply to a message that the server keeps.
    EXPECT_EQ(pipe.messages().size(), GetParam().stage == Stage::kEnd ? 1 : 0);
    EXPECT_TRUE(absl::EndsWith(pipe.sessions().back().transcript->Format(),
                               " -- closed by the server\n"));
  }
}

TEST_P(FaultAt, Delay) {
  Pipe pipe(WithUser());
  pipe.On(Here()).Delay(absl::Minutes(9));
  Begin(pipe);
  EXPECT_EQ(Reach(pipe), "");
  pipe.AdvanceTime(absl::Minutes(9) - absl::Nanoseconds(1));
  EXPECT_EQ(pipe.Receive(), "");
  pipe.AdvanceTime(absl::Nanoseconds(1));
  EXPECT_TRUE(absl::StartsWith(pipe.Receive(), GetParam().usual));
}

TEST_P(FaultAt, SplitAtEveryOctet) {
  Pipe pipe(WithUser());
  pipe.On(Here()).Split();
  Begin(pipe);
  const Place& place = GetParam();
  if (place.stage != Stage::kConnect) {
    pipe.Send(place.before);
    pipe.Receive();
    pipe.Send(place.command);
  }
  std::string reply;
  while (true) {
    const std::string write = pipe.ReceiveWrite();
    if (write.empty()) break;
    EXPECT_EQ(write.size(), 1u);
    reply += write;
  }
  EXPECT_TRUE(absl::StartsWith(reply, place.usual)) << reply;
}

INSTANTIATE_TEST_SUITE_P(
    AllStages, FaultAt, testing::ValuesIn(kPlaces), [](const auto& info) {
      std::string name(info.param.command.substr(0, 4));
      std::erase_if(name, [](char c) { return !absl::ascii_isalnum(c); });
      return absl::StrCat(StageName(info.param.stage), info.index, name);
    });

// Sends commands one after another. Returns the code of the last line.
int Ask(Pipe& pipe, absl::string_view commands) {
  pipe.Receive();
  pipe.Send(commands);
  const std::string replies = pipe.Receive();
  const size_t end = replies.rfind('\n', replies.size() - 2);
  int code = 0;
  (void)absl::SimpleAtoi(
      replies.substr(end == std::string::npos ? 0 : end + 1, 3), &code);
  return code;
}

TEST(PipeFaultsTest, RefusedRecipientIsNotInTheEnvelope) {
  Pipe pipe;
  pipe.On(Rcpt("b@y")).Reply(550, "5.1.1 no");
  EXPECT_EQ(Ask(pipe, "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n"), 550);
  EXPECT_EQ(Ask(pipe, "DATA\r\n"), 503);
  EXPECT_EQ(Ask(pipe, "RCPT TO:<c@y>\r\n"), 250);
  EXPECT_EQ(Ask(pipe, "DATA\r\nhi\r\n.\r\n"), 250);
  EXPECT_THAT(pipe.messages()[0].to(), ElementsAre("c@y"));
}

TEST(PipeFaultsTest, Greylisting) {
  Pipe pipe;
  pipe.On(Rcpt()).Each().Once().Reply(450, "4.7.1 greylisted");
  (void)Ask(pipe, "EHLO c\r\nMAIL FROM:<a@x>\r\n");
  std::vector<int> codes;
  for (const char* to : {"b", "c", "B", "b", "c"}) {
    codes.push_back(Ask(pipe, absl::StrCat("RCPT TO:<", to, "@y>\r\n")));
  }
  EXPECT_THAT(codes, ElementsAre(450, 450, 250, 250, 250));
}

TEST(PipeFaultsTest, QuotaCountsWhatIsStored) {
  Pipe pipe;
  pipe.On(Rcpt("b@y")).Quota(10).Reply(452, "4.2.2 full");
  pipe.On(EndOfData("b@y")).Quota(10).Reply(552, "5.2.2 full");
  const std::string eight = absl::StrCat(kEnvelope, "123456\r\n.\r\n");
  EXPECT_EQ(Ask(pipe, eight), 250);
  EXPECT_EQ(Ask(pipe, eight), 552);
  EXPECT_EQ(Ask(pipe, "MAIL FROM:<a@x> SIZE=2\r\nRCPT TO:<b@y>\r\n"), 250);
  EXPECT_EQ(Ask(pipe, "RSET\r\nMAIL FROM:<a@x> SIZE=3\r\nRCPT TO:<b@y>\r\n"),
            452);
  EXPECT_EQ(Ask(pipe, "RCPT TO:<c@y>\r\n"), 250);
  pipe.Clear();
  EXPECT_EQ(Ask(pipe, "RCPT TO:<b@y>\r\n"), 250);
}

TEST(PipeFaultsTest, ServiceIsRefusedByCount) {
  Pipe pipe;
  pipe.On(Mail()).Skip(2).Reply(421, "4.7.0 enough");
  const std::string message = absl::StrCat(kEnvelope, "hi\r\n.\r\n");
  EXPECT_EQ(Ask(pipe, message), 250);
  EXPECT_EQ(Ask(pipe, message), 250);
  EXPECT_EQ(Ask(pipe, "MAIL FROM:<a@x>\r\n"), 421);
  EXPECT_TRUE(pipe.closed());
  pipe.On(Connect()).Skip(1).Once().Reply(421, "4.3.2 busy");
  pipe.Reconnect();
  EXPECT_EQ(pipe.Receive(), "220 rig.example ESMTP\r\n");
  pipe.Reconnect();
  EXPECT_EQ(pipe.Receive(), "421 4.3.2 busy\r\n");
  EXPECT_TRUE(pipe.closed());
}

TEST(PipeFaultsTest, HiddenExtensionsAreStillServed) {
  Pipe pipe({.tls = TlsMode::kStartTls});
  pipe.On(Ehlo()).Once().Hide("starttls").Hide("SIZE").Hide("CHUNKING");
  pipe.Receive();
  pipe.Send("EHLO c\r\n");
  const std::string hidden = pipe.Receive();
  pipe.Send("EHLO c\r\n");
  std::string all = pipe.Receive();
  EXPECT_FALSE(absl::StrContains(hidden, "STARTTLS")) << hidden;
  EXPECT_FALSE(absl::StrContains(hidden, "SIZE")) << hidden;
  EXPECT_TRUE(absl::StrContains(hidden, "PIPELINING")) << hidden;
  // It is still one reply: only its last line has a blank after the code.
  const size_t last = hidden.find("\r\n250 ");
  ASSERT_NE(last, std::string::npos) << hidden;
  EXPECT_EQ(hidden.find("\r\n", last + 2), hidden.size() - 2);
  EXPECT_LT(hidden.size(), all.size());
  EXPECT_EQ(Ask(pipe, "STARTTLS\r\n"), 220);
}

TEST(PipeFaultsTest, SlowReplyComesOctetByOctet) {
  Pipe pipe;
  pipe.On(Mail()).WriteRate(10);
  (void)Ask(pipe, "EHLO c\r\n");
  pipe.Send("MAIL FROM:<a@x>\r\n");
  EXPECT_EQ(pipe.Receive(), "2");
  pipe.AdvanceTime(absl::Milliseconds(99));
  EXPECT_EQ(pipe.Receive(), "");
  pipe.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(pipe.Receive(), "5");
  pipe.AdvanceTime(absl::Seconds(2));
  EXPECT_EQ(pipe.Receive(), "0 2.1.0 ok\r\n");
}

TEST(PipeFaultsTest, SlowReadsLimitTheContent) {
  Pipe pipe;
  pipe.On(Content()).ReadRate(100);
  EXPECT_EQ(Ask(pipe, kEnvelope), 354);
  pipe.Send(std::string(998, 'x'));
  pipe.Send("\r\n.\r\n");
  EXPECT_EQ(pipe.unread(), 1003u);
  pipe.AdvanceTime(absl::Seconds(5));
  EXPECT_GT(pipe.unread(), 480u);
  EXPECT_LT(pipe.unread(), 530u);
  EXPECT_EQ(pipe.Receive(), "");
  pipe.AdvanceTime(absl::Seconds(6));
  EXPECT_EQ(pipe.unread(), 0u);
  EXPECT_EQ(pipe.Receive(), "250 2.0.0 ok\r\n");
  EXPECT_EQ(pipe.messages()[0].raw().size(), 1000u);
}

// The client must not be closed because the server reads nothing.
TEST(PipeFaultsTest, ServerStopsReadingInTheMiddleOfTheContent) {
  Pipe pipe;
  pipe.On(Content()).After(100).Delay(absl::Minutes(20));
  EXPECT_EQ(Ask(pipe, kEnvelope), 354);
  pipe.Send(std::string(150, 'x'));
  pipe.Send("\r\n.\r\n");
  EXPECT_GT(pipe.unread(), 0u);
  pipe.AdvanceTime(absl::Minutes(20) - absl::Milliseconds(1));
  EXPECT_EQ(pipe.Receive(), "");
  EXPECT_FALSE(pipe.closed());
  pipe.AdvanceTime(absl::Milliseconds(1));
  EXPECT_EQ(pipe.Receive(), "250 2.0.0 ok\r\n");
}

TEST(PipeFaultsTest, CloseInTheMiddleOfTheContent) {
  Pipe pipe;
  pipe.On(Content("b@y")).After(1000).Close();
  EXPECT_EQ(Ask(pipe, kEnvelope), 354);
  pipe.Send(std::string(990, 'x'));
  EXPECT_FALSE(pipe.closed());
  pipe.Send(std::string(10, 'x'));
  EXPECT_TRUE(pipe.closed());
  EXPECT_EQ(pipe.Receive(), "");
  EXPECT_TRUE(pipe.messages().empty());
}

// Otherwise the connection of a client that gives up would stay open for hours.
TEST(PipeFaultsTest, ClientThatLeavesEndsAStalledSession) {
  Pipe pipe;
  pipe.On(Rcpt()).Stall();
  (void)Ask(pipe, "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n");
  EXPECT_FALSE(pipe.closed());
  pipe.EndOfInput();
  EXPECT_TRUE(pipe.closed());
  EXPECT_EQ(pipe.sessions()[0].end, CloseReason::kPeerGone);
  // The same if the server has stopped to read.
  pipe.ClearFaults();
  pipe.On(Content()).After(2).Stall();
  pipe.Reconnect();
  (void)Ask(pipe, absl::StrCat(kEnvelope, "some content\r\n"));
  pipe.Send("more content\r\n");
  EXPECT_GT(pipe.unread(), 0u);
  pipe.EndOfInput();
  EXPECT_TRUE(pipe.closed());
  // A client that only ends its output still gets a late reply.
  pipe.ClearFaults();
  pipe.On(Mail()).Delay(absl::Seconds(3));
  pipe.Reconnect();
  (void)Ask(pipe, "EHLO c\r\n");
  pipe.Send("MAIL FROM:<a@x>\r\n");
  pipe.EndOfInput();
  EXPECT_FALSE(pipe.closed());
  pipe.AdvanceTime(absl::Seconds(3));
  EXPECT_EQ(pipe.Receive(), "250 2.1.0 ok\r\n");
  EXPECT_TRUE(pipe.closed());
}

TEST(PipeFaultsTest, HandshakeFails) {
  Pipe pipe({.tls = TlsMode::kStartTls});
  pipe.On(Tls()).Once().Close();
  EXPECT_EQ(Ask(pipe, "EHLO c\r\nSTARTTLS\r\n"), 220);
  EXPECT_TRUE(pipe.wants_tls());
  pipe.StartTls();
  EXPECT_TRUE(pipe.closed());
  // And without the fault it works.
  pipe.Reconnect();
  EXPECT_EQ(Ask(pipe, "EHLO c\r\nSTARTTLS\r\n"), 220);
  pipe.StartTls({"TLSv1.2", "X", ""});
  EXPECT_EQ(Ask(pipe, absl::StrCat(kEnvelope, "hi\r\n.\r\n")), 250);
  EXPECT_EQ(pipe.messages()[0].session().info->tls->protocol, "TLSv1.2");
  EXPECT_THAT(pipe.messages()[0].session().extensions,
              testing::Contains("STARTTLS"));
}

TEST(PipeFaultsTest, AuthenticationFailsForOneUser) {
  Pipe pipe(WithUser());
  pipe.On(Auth("bob")).Reply(535, "5.7.8 never");
  pipe.On(Auth("alice")).Once().Reply(454, "4.7.0 later");
  EXPECT_EQ(Ask(pipe, "EHLO c\r\n"), 250);
  EXPECT_EQ(Ask(pipe, kAuth), 454);
  EXPECT_EQ(Ask(pipe, kAuth), 235);
}

TEST(PipeFaultsTest, LmtpRecipientsHaveTheirOwnReplies) {
  Pipe pipe({.lmtp = true});
  pipe.On(EndOfData("c@y")).Reply(452, "4.2.2 full");
  pipe.On(EndOfData("d@y")).Raw("what?\r\n");
  (void)Ask(pipe,
            "LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@y>\r\n"
            "RCPT TO:<d@y>\r\nDATA\r\n");
  pipe.Send("hi\r\n.\r\n");
  EXPECT_EQ(pipe.Receive(), "250 2.0.0 ok\r\n452 4.2.2 full\r\nwhat?\r\n");
  EXPECT_THAT(pipe.messages()[0].to(), ElementsAre("b@y", "d@y"));
}

TEST(PipeFaultsTest, AddressesRequestFaultsOnlyIfTheRigSaysSo) {
  const std::string message =
      "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<rcpt-450@y>\r\n";
  Pipe usual;
  EXPECT_EQ(Ask(usual, message), 250);
  Pipe pipe({.address_faults = true});
  EXPECT_EQ(Ask(pipe, message), 450);
  EXPECT_EQ(Ask(pipe, "RCPT TO:<temperror@y>\r\n"), 250);
  EXPECT_EQ(Ask(pipe, "DATA\r\nhi\r\n.\r\n"), 451);
  EXPECT_EQ(Ask(pipe, "MAIL FROM:<mailfrom550@x>\r\n"), 550);
  EXPECT_EQ(Ask(pipe, "MAIL FROM:<mailfrom-451@x>\r\n"), 451);
  EXPECT_EQ(Ask(pipe, "MAIL FROM:<a@x>\r\nRCPT TO:<delay-3s@y>\r\n"), 250);
  pipe.AdvanceTime(absl::Seconds(3));
  EXPECT_EQ(pipe.Receive(), "250 2.1.5 ok\r\n");
}

// A command that the engine refuses takes no fault of a later one.
TEST(PipeFaultsTest, FaultsMeetTheirCommandsInAPipelinedGroup) {
  Pipe pipe;
  pipe.On(Rcpt("c@y")).Raw("<c>\r\n");
  pipe.On(Noop()).Raw("<noop>\r\n");
  pipe.Receive();
  pipe.Send("EHLO c\r\n");
  pipe.Receive();
  pipe.Send(
      "MAIL FROM:<a@x>\r\nRCPT TO:<\r\nRCPT TO:<b@y>\r\nNOOP\r\n"
      "RCPT TO:<c@y>\r\nRCPT TO:<d@y>\r\nNOOP\r\n");
  const std::string replies = pipe.Receive();
  EXPECT_EQ(replies.substr(replies.find("250 2.1.5")),
            "250 2.1.5 ok\r\n<noop>\r\n<c>\r\n250 2.1.5 ok\r\n<noop>\r\n");
}

TEST(PipeFaultsTest, TranscriptHasTimesAndNoPasswords) {
  const auto run = [](bool show) {
    Options options = WithUser();
    options.show_passwords = show;
    Pipe pipe(options);
    pipe.On(Mail()).Delay(absl::Seconds(2));
    pipe.Send("HELO c\r\n");
    pipe.AdvanceTime(absl::Milliseconds(1500));
    pipe.Send(kAuth);
    pipe.Send("AUTH LOGIN\r\nauth c2VjcmV0\r\n");
    pipe.Send("MAIL FROM:<a@x>\r\n");
    pipe.AdvanceTime(absl::Seconds(2));
    pipe.EndOfInput();
    return pipe.sessions()[0].transcript->Format();
  };
  EXPECT_EQ(run(false),
            R"(+0.000 S: 220 rig.example ESMTP\r\n
+0.000 C: HELO c\r\n
+0.000 S: 250 rig.example\r\n
+1.500 C: AUTH PLAIN ***\r\n
+1.500 S: 235 2.7.0 ok\r\n
+1.500 C: AUTH LOGIN\r\n
+1.500 C: ***\r\n
+1.500 S: 503 5.5.1 authenticated already (#5.5.1)\r\n
+1.500 S: 503 5.5.1 authenticated already (#5.5.1)\r\n
+1.500 C: MAIL FROM:<a@x>\r\n
+3.500 S: 250 2.1.0 ok\r\n
)");
  EXPECT_EQ(run(false), run(false));
  EXPECT_TRUE(absl::StrContains(run(true), "AGFsaWNlAHNlY3JldA=="));
}

TEST(PipeFaultsTest, OldestMessagesAreDropped) {
  Pipe pipe({.max_messages = 2});
  for (int i = 0; i < 5; ++i) {
    (void)Ask(pipe, absl::StrCat(kEnvelope, i, "\r\n.\r\n"));
  }
  ASSERT_EQ(pipe.messages().size(), 2u);
  EXPECT_EQ(pipe.messages()[0].number(), 4);
  EXPECT_EQ(pipe.messages()[1].raw(), "4\r\n");
  EXPECT_EQ(pipe.mailbox().dropped(), 3u);
  // Waiting counts the dropped ones.
  EXPECT_EQ(pipe.WaitForMessages(5, absl::ZeroDuration()).size(), 2u);
}

TEST(PipeFaultsTest, MemoryIsLimited) {
  // Every message is larger than the limit: the last one is kept all the same.
  Pipe pipe({.max_octets = 1000});
  const std::string message =
      absl::StrCat(kEnvelope, std::string(2000, 'x'), "\r\n.\r\n");
  (void)Ask(pipe, message);
  const Message first = pipe.messages()[0];
  EXPECT_FALSE(first.transcript().Entries().empty());
  for (int i = 0; i < 3; ++i) {
    pipe.Reconnect();
    (void)Ask(pipe, message);
  }
  ASSERT_EQ(pipe.messages().size(), 1u);
  EXPECT_EQ(pipe.messages()[0].number(), 4);
  // The session that ended last, and the open one.
  EXPECT_LE(pipe.sessions().size(), 2u);
  EXPECT_EQ(first.transcript().Format(),
            "+0.000 -- earlier octets are dropped\n");
  EXPECT_EQ(first.raw().size(), 2002u);
}

TEST(PipeFaultsTest, TranscriptIsLimited) {
  Pipe pipe({.max_transcript_octets = 2000});
  for (int i = 0; i < 100; ++i) {
    pipe.AdvanceTime(absl::Seconds(1));
    (void)Ask(pipe, absl::StrCat("NOOP ", std::string(90, 'x'), "\r\n"));
    // Half of the octets stay.
    EXPECT_GE(pipe.sessions()[0].transcript->size(), i < 20 ? 0u : 900u);
  }
  const auto entries = pipe.sessions()[0].transcript->Entries();
  EXPECT_EQ(entries.front().octets, "earlier octets are dropped");
  EXPECT_LE(pipe.sessions()[0].transcript->size(), 2000u);
  EXPECT_EQ(entries.back().octets, "250 2.0.0 ok\r\n");
}

}  // namespace
}  // namespace postern::rig
