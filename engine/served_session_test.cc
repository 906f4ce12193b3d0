// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/served_session.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/session_rig.h"
#include "engine/step.h"
#include "engine/wire_filter.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Kind = ServedSession::Next::Kind;

class ServedSessionTest : public testing::Test, protected SessionRig {
 protected:
  // Leaves each question of the type `T` without an answer.
  template <typename T>
  void Hold() {
    ports.holds = [](const Ask& ask) {
      return std::holds_alternative<T>(ask.what);
    };
  }
  bool SharedHolds(absl::string_view text) const {
    return absl::StrContains(absl::string_view(shared.data(), shared.size()),
                             text);
  }
  const SessionEnd& End() {
    EXPECT_NE(session->end(), nullptr);
    return *session->end();
  }
};

TEST_F(ServedSessionTest, ServesAMessage) {
  Begin();
  EXPECT_EQ(Send(kRigEnvelope), Kind::kTransfer);
  EXPECT_TRUE(absl::EndsWith(TakeReplies(), "354 go ahead\r\n"));
  now = now + absl::Seconds(3);
  EXPECT_EQ(Send("hi\r\n.\r\nQUIT\r\n"), Kind::kClose);
  EXPECT_EQ(replies, "250 2.0.0 ok\r\n221 2.0.0 mx\r\n");
  ASSERT_EQ(ports.messages.size(), 1u);
  EXPECT_TRUE(absl::EndsWith(ports.messages[0], "\r\nhi\r\n"));
  EXPECT_EQ(End().reason, CloseReason::kQuit);
  EXPECT_TRUE(End().flushed);
  EXPECT_TRUE(End().clean);
  EXPECT_EQ(End().bytes_in, kRigEnvelope.size() + 13);
  EXPECT_GT(End().bytes_out, replies.size());
  EXPECT_EQ(End().replies[0], 6u);
  EXPECT_EQ(End().duration, absl::Seconds(3));
  EXPECT_EQ(session->info()->hello_name, "c");
}

// The work that a client can cause in one call is limited.
TEST_F(ServedSessionTest, OneCallDoesALimitedAmountOfWork) {
  Begin();
  for (int i = 0; i < 1000; ++i) client += "NOOP\r\n";
  next = session->Advance(now);
  ASSERT_TRUE(next.read);
  const absl::Span<char> room = session->Room(absl::MakeSpan(shared));
  std::copy_n(client.data(), client.size(), room.data());
  session->Received(std::exchange(client, "").size());
  size_t calls = 0;
  do {
    next = session->Advance(now);
    EXPECT_LE(next.work, ServedSession::kMaxWork);
    ++calls;
  } while (next.kind == Kind::kBusy);
  EXPECT_LE(calls, 1000u);
  EXPECT_FALSE(next.output.empty());
}

TEST_F(ServedSessionTest, LargeReadsOnlyInContent) {
  Begin();
  Hold<Mail>();
  Send(absl::StrCat("EHLO c\r\nMAIL FROM:<s@x>\r\n", std::string(50'000, 'x')));
  EXPECT_EQ(most_read, ServedSession::kReadAhead);
  session->ReleaseBuffer();
  EXPECT_LE(session->input_memory(), ServedSession::kReadAhead);
  client.clear();
  Connect();
  ports.holds = nullptr;
  Begin();
  Send(kRigEnvelope);
  Send("x\r\n");
  Send(std::string(60'000, 'x'));
  EXPECT_GT(most_read, ServedSession::kReadAhead);
  session->ReleaseBuffer();
  EXPECT_EQ(session->input_memory(), 0u);
}

TEST_F(ServedSessionTest, WaitsForLateAnswers) {
  Hold<Rcpt>();
  Begin();
  Send(kRigEnvelope);
  EXPECT_EQ(session->stage(), SessionStage::kAnswer);
  EXPECT_FALSE(next.read);
  EXPECT_FALSE(absl::StrContains(TakeReplies(), "2.1.5"));
  std::move(ports.held[0])(Verdict::Accept());
  Go();
  EXPECT_EQ(TakeReplies(), "250 2.1.5 ok\r\n354 go ahead\r\n");
}

TEST_F(ServedSessionTest, ALateAnswerChangesNothing) {
  Hold<Mail>();
  Begin();
  Send(kRigEnvelope);
  Pass(left());
  ASSERT_EQ(End().reason, CloseReason::kTimeout);
  std::move(ports.held[0])(Verdict::Accept());
  EXPECT_EQ(Go(), Kind::kFinish);
}

// While the client waits for the delivery, its time does not run.
TEST_F(ServedSessionTest, TimeOfTheDeliveryDoesNotCountAgainstTheClient) {
  Begin();
  Send(kRigEnvelope);
  Send("a line\r\n");
  const absl::Duration limit = config.data_timeout;
  ASSERT_EQ(left(), limit);
  ports.delivery_is_full = true;
  Pass(limit - absl::Seconds(1));
  Send("another\r\n");
  ASSERT_EQ(session->stage(), SessionStage::kContentBlocked);
  Pass(absl::Seconds(100));
  std::move(ports.ready)();
  Go();
  ASSERT_EQ(session->stage(), SessionStage::kInput);
  EXPECT_EQ(left(), absl::Seconds(1));
  Pass(absl::Seconds(1));
  EXPECT_EQ(End().reason, CloseReason::kTimeout);
}

TEST_F(ServedSessionTest, ATruncatedMessageIsNotDelivered) {
  Begin();
  Send(kRigEnvelope);
  client_ended = true;
  EXPECT_EQ(Send("half a message\r\n"), Kind::kClose);
  EXPECT_TRUE(ports.messages.empty());
  EXPECT_EQ(End().reason, CloseReason::kPeerGone);
  EXPECT_FALSE(End().clean);
}

TEST_F(ServedSessionTest, ABrokenConnectionEndsAtOnce) {
  Begin();
  Send("EHLO c\r\n");
  session->PeerGone();
  EXPECT_EQ(Go(), Kind::kClose);
  EXPECT_EQ(End().reason, CloseReason::kPeerGone);
  EXPECT_FALSE(End().flushed);
  EXPECT_FALSE(End().clean);
}

TEST_F(ServedSessionTest, AClientThatTalksEarlyIsNotGreeted) {
  config.early_talk = OutOfTurn::kReject;
  times.greet_delay = absl::Seconds(10);
  Begin();
  EXPECT_EQ(replies, "");
  EXPECT_EQ(Send("EHLO c\r\n"), Kind::kFinish);
  EXPECT_EQ(replies, "554 5.5.0 you must wait for my greeting (#5.5.0)\r\n");
  EXPECT_EQ(ports.asked, 0u);
  EXPECT_EQ(End().reason, CloseReason::kAbuse);
}

TEST_F(ServedSessionTest, OctetsAfterTheEndAreReadUpToALimit) {
  Begin();
  ASSERT_EQ(Send("GET / HTTP/1.1\r\n"), Kind::kFinish);
  session->OutputEnded();
  ASSERT_EQ(Go(), Kind::kDiscard);
  session->Discarded(ServedSession::kMaxDiscarded);
  EXPECT_EQ(Go(), Kind::kDiscard);
  session->Discarded(1);
  EXPECT_EQ(Go(), Kind::kClose);
  EXPECT_EQ(End().reason, CloseReason::kAbuse);
}

TEST_F(ServedSessionTest, PlaintextAfterStartTlsIsNotServed) {
  Begin();
  TakeReplies();
  const size_t before = ports.asked;
  EXPECT_EQ(Send("STARTTLS\r\nEHLO attacker\r\n"), Kind::kFinish);
  EXPECT_EQ(TakeReplies(), "220 2.0.0 ready\r\n");
  EXPECT_EQ(ports.asked, before + 1);  // for STARTTLS
  EXPECT_EQ(End().reason, CloseReason::kAbuse);
}

TEST_F(ServedSessionTest, ContinuesUnderTls) {
  Begin();
  takes = 0;
  // The handshake waits until the client has read the 220.
  EXPECT_EQ(Send("EHLO c\r\nSTARTTLS\r\n"), Kind::kTransfer);
  takes = kAll;
  EXPECT_EQ(Go(), Kind::kHandshake);
  TakeReplies();
  session->TlsStarted({"TLSv1.3", "TLS_X", ""});
  Go();
  EXPECT_TRUE(next.read);
  EXPECT_EQ(replies, "");
  EXPECT_EQ(session->info()->hello_name, "");
  Send("MAIL FROM:<>\r\n");
  EXPECT_EQ(TakeReplies().substr(0, 3), "503")
      << "EHLO is still valid after STARTTLS";
}

TEST_F(ServedSessionTest, ReportsAHandshakeThatTakesTooLong) {
  options.tls_first = true;
  Begin();
  ASSERT_EQ(session->stage(), SessionStage::kHandshake);
  EXPECT_EQ(Pass(times.handshake_timeout), Kind::kClose);
  EXPECT_EQ(End().reason, CloseReason::kTimeout);
  EXPECT_EQ(End().tls_error, "the handshake took too long");
}

TEST_F(ServedSessionTest, TheDriverDecidesOnTls) {
  options.asks_for_tls = true;
  Begin();
  TakeReplies();
  ASSERT_EQ(Send("EHLO c\r\nSTARTTLS\r\n"), Kind::kTlsQuestion);
  TakeReplies();
  EXPECT_TRUE(session->handoff().greeted);
  session->AllowTls(false);
  Go();
  EXPECT_TRUE(next.read);
  EXPECT_EQ(TakeReplies(), "454 4.7.0 TLS not available (#4.7.0)\r\n");
  ASSERT_EQ(Send("STARTTLS\r\n"), Kind::kTlsQuestion);
  session->AllowTls(true);
  EXPECT_EQ(Go(), Kind::kHandshake);
  EXPECT_EQ(TakeReplies(), "220 2.0.0 ready\r\n");
}

TEST_F(ServedSessionTest, TheDriverIsNotAskedIfTheClientHasSentMore) {
  options.asks_for_tls = true;
  Begin();
  TakeReplies();
  EXPECT_EQ(Send("STARTTLS\r\nNOOP\r\n"), Kind::kFinish);
  EXPECT_EQ(TakeReplies(), "220 2.0.0 ready\r\n");
}

TEST_F(ServedSessionTest, ContinuesAnotherSession) {
  times.greet_delay = absl::Seconds(10);
  Connect();
  session->Continue(config, {.greeted = true, .extended = true}, Responder(),
                    {});
  EXPECT_EQ(Go(), Kind::kHandshake);
  EXPECT_EQ(replies, "220 2.0.0 ready\r\n");
}

TEST_F(ServedSessionTest, ShutdownEndsTheSessionWhenNothingIsInProgress) {
  const struct {
    absl::string_view says;
    bool at_once;
  } cases[] = {
      {"", true},
      {"EHLO c\r\n", true},
      {"EHLO c\r\nMAIL FROM:<s@x>\r\n", true},
      {kRigEnvelope, false},
  };
  for (const auto& c : cases) {
    SessionRig rig;
    rig.Begin();
    rig.Send(c.says);
    rig.session->Shutdown();
    rig.Go();
    EXPECT_EQ(rig.session->end() != nullptr, c.at_once) << c.says;
    if (!c.at_once) rig.Send(".\r\n");
    ASSERT_NE(rig.session->end(), nullptr) << c.says;
    EXPECT_EQ(rig.session->end()->reason, CloseReason::kShutdown);
    EXPECT_TRUE(absl::EndsWith(
        rig.replies, "421 4.3.2 shutting down, try again later (#4.3.2)\r\n"));
    EXPECT_EQ(rig.ports.messages.size(), c.at_once ? 0u : 1u);
  }
}

TEST_F(ServedSessionTest, ShutdownInTheGreetingDelayReplies421) {
  times.greet_delay = absl::Seconds(10);
  Begin();
  session->Shutdown();
  EXPECT_EQ(Go(), Kind::kFinish);
  EXPECT_EQ(replies.substr(0, 4), "421 ");
}

TEST_F(ServedSessionTest, AbandonEndsWithoutAReply) {
  Begin();
  Send(kRigEnvelope);
  TakeReplies();
  session->Abandon();
  EXPECT_EQ(Go(), Kind::kClose);
  EXPECT_EQ(replies, "");
  EXPECT_EQ(End().reason, CloseReason::kShutdown);
}

TEST_F(ServedSessionTest, RefusesAClient) {
  Connect();
  session->Refuse({421, {4, 3, 2}, "too many"});
  EXPECT_EQ(Go(), Kind::kFinish);
  EXPECT_EQ(replies, "421 4.3.2 too many\r\n");
  EXPECT_TRUE(session->refused_admission());
  EXPECT_EQ(session->end(), nullptr);
  session->Begin(config, Responder(), {});  // too late
  EXPECT_EQ(Go(), Kind::kFinish);
}

TEST_F(ServedSessionTest, SendsNothingWithoutTlsIfTlsComesFirst) {
  options.tls_first = true;
  Connect();
  session->Refuse({421, {4, 3, 2}, "too many"});
  EXPECT_EQ(Go(), Kind::kClose);
  EXPECT_EQ(replies, "");
}

TEST_F(ServedSessionTest, PasswordsAreWipedWhereverTheyAreStored) {
  const absl::string_view secret = "AHVzZXIAc2VjcmV0";
  Begin();
  Send("EHLO c\r\n");
  // A part of it, first in the shared buffer and then in own memory.
  Send(absl::StrCat("AUTH PLAIN ", secret));
  EXPECT_TRUE(SharedHolds(secret));
  session->ReleaseBuffer();
  EXPECT_FALSE(SharedHolds(secret));
  Send("\r\n");
  EXPECT_FALSE(SharedHolds(secret));
  // Served in one piece.
  Send(absl::StrCat("AUTH PLAIN ", secret, "\r\n"));
  EXPECT_FALSE(SharedHolds(secret));
  // Never served: the session ends before its line is complete.
  Send(absl::StrCat("AUTH PLAIN ", secret));
  Pass(left());
  ASSERT_NE(session->end(), nullptr);
  EXPECT_FALSE(SharedHolds(secret));
}

TEST_F(ServedSessionTest, AnIdleSessionOwnsNoInput) {
  Begin();
  Send("EHLO c\r\nNOOP\r\n");
  session->ReleaseBuffer();
  EXPECT_EQ(session->input_memory(), 0u);
}

// Writes down what it sees, and holds replies back until `due`.
class TestFilter : public WireFilter {
 public:
  void OnInput(absl::string_view input, size_t secret, Instant) override {
    absl::StrAppend(&seen, "C", secret > 0 ? "*" : "", ":", input);
  }
  void OnReply(const GivenReply& reply, absl::string_view octets,
               Instant) override {
    absl::StrAppend(&seen, "S ", reply.verb, ":", octets);
    absl::StrAppend(&held, "<", reply.code, ">");
  }
  void Advance(Instant now) override {
    if (now < due) return;
    absl::StrAppend(&ready, held);
    held.clear();
  }
  Instant deadline() const override {
    return held.empty() ? Instant::Never() : due;
  }
  absl::string_view Output() const override { return ready; }
  void OutputWritten(size_t n) override { ready.erase(0, n); }
  bool holds() const override { return !held.empty(); }
  size_t Room() const override { return room; }
  void OnRead(size_t n) override { room -= n; }
  bool closes() const override { return close; }

  std::string seen;
  std::string held;
  std::string ready;
  Instant due = Instant(std::numeric_limits<int64_t>::min());
  size_t room = std::string::npos;
  bool close = false;
};

TEST_F(ServedSessionTest, FilterSeesAllOctetsAndReplacesReplies) {
  TestFilter wire;
  filter = &wire;
  Begin();
  Send("NOOP\r\nAUTH PLAIN =\r\n");
  EXPECT_EQ(TakeReplies(), "<220><250><503>");
  EXPECT_EQ(Send("QUIT\r\n"), Kind::kClose);
  EXPECT_EQ(TakeReplies(), "<221>");
  EXPECT_EQ(wire.seen,
            "S :220 mx ESMTP\r\nC*:NOOP\r\nAUTH PLAIN =\r\n"
            "S NOOP:250 2.0.0 ok\r\n"
            "S AUTH:503 5.5.1 EHLO first (#5.5.1)\r\n"
            "C:QUIT\r\nS QUIT:221 2.0.0 mx\r\n");
  EXPECT_EQ(End().bytes_out, 20u);
}

// The client waits for the filter, so its timeouts do not run.
TEST_F(ServedSessionTest, FilterThatHoldsRepliesBackStopsTheTimeouts) {
  TestFilter wire;
  filter = &wire;
  Begin();
  wire.due = now + absl::Hours(1);
  Send("NOOP\r\n");
  EXPECT_EQ(left(), absl::Hours(1));
  EXPECT_EQ(Pass(absl::Hours(1)), Kind::kTransfer);
  EXPECT_EQ(TakeReplies(), "<220><250>");
  EXPECT_EQ(left(), config.command_timeout);
  // Only the end of the session's time limits the filter.
  wire.due = Instant::Never();
  Send("NOOP\r\n");
  EXPECT_EQ(left(), times.session_timeout - absl::Hours(1));
  EXPECT_EQ(Pass(left()), Kind::kClose);
  EXPECT_EQ(End().reason, CloseReason::kTimeout);
}

TEST_F(ServedSessionTest, FilterLimitsWhatIsRead) {
  TestFilter wire;
  filter = &wire;
  Begin();
  wire.room = 4;
  Send("NOOP\r\n");
  EXPECT_FALSE(next.read);
  EXPECT_EQ(TakeReplies(), "<220>");
  wire.room = 100;
  Go();
  EXPECT_EQ(TakeReplies(), "<250>");
}

TEST_F(ServedSessionTest, FilterClosesTheConnection) {
  TestFilter wire;
  filter = &wire;
  Begin();
  wire.close = true;
  EXPECT_EQ(Send("NOOP\r\n"), Kind::kClose);
  EXPECT_EQ(End().reason, CloseReason::kShutdown);
  EXPECT_FALSE(End().flushed);
}

}  // namespace
}  // namespace postern
