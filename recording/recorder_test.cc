// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/recorder.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/grammar/ip_address.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"
#include "recording/replayer.h"
#include "recording/transcript.h"

namespace postern::recording {
namespace {

class RecorderTest : public testing::Test {
 protected:
  RecorderTest()
      : recorder_(
            {.program = "a test",
             .now = [this] { return now_; },
             .memory = &memory_,
             .store =
                 [this](Recording recording, const std::string&, absl::Time) {
                   text_ = recording.Text();
                   if (keep_) kept_ = std::move(recording);
                 }}) {
    config_.greeting = "mx.example";
    config_.mechanisms_without_tls = {"PLAIN"};
    SessionInfo info;
    info.session_id = "a1";
    info.remote_address = IpAddress::Parse("192.0.2.1");
    info.remote_port = 4711;
    info.remote_name = "client.example\x1b";
    recorder_.OnBegin(config_, info);
    Ask(Connected{}, Verdict::Accept());
    recorder_.OnReplies("220 mx.example ESMTP\r\n");
  }

  template <typename What>
  void Ask(What what, const Verdict& verdict) {
    Open(std::move(what));
    recorder_.OnAnswer(RequestId{id_}, {&verdict, 1});
  }
  template <typename What>
  void Open(What what) {
    postern::Ask ask;
    ask.id = RequestId{++id_};
    ask.what = std::move(what);
    recorder_.OnAsk(ask, Envelope());
  }
  void Client(absl::string_view octets) {
    recorder_.OnRead(octets.size());
    recorder_.OnConsumed(octets, 0);
  }

  absl::Time now_ = absl::FromUnixSeconds(1830297599);
  std::atomic<size_t> memory_ = 0;
  ServerConfig config_;
  std::string text_;
  bool keep_ = false;
  Recording kept_;
  uint64_t id_ = 0;
  Recorder recorder_;
};

TEST_F(RecorderTest, IsText) {
  now_ += absl::Milliseconds(1500);
  Client("EHLO c\r\n");
  Ask(Hello{Hello::Verb::kEhlo, "c"}, Verdict::Drop({554, {5, 7, 1}, "no"}));
  recorder_.OnReplies("554 5.7.1");
  recorder_.OnReplies(" no\r\n");
  recorder_.OnClosed(CloseReason::kRefused);
  recorder_.OnEnd("AUTH PLAIN c2VjcmV0\r\n", CloseReason::kRefused);
  EXPECT_EQ(text_,
            "# Session a1 of a test, 2027-12-31T23:59:59Z.\n"
            "# client [192.0.2.1]:4711 client.example?\n"
            "set recorded true\n"
            "set extensions CHUNKING BINARYMIME SMTPUTF8 DSN REQUIRETLS "
            "MT-PRIORITY DELIVERBY FUTURERELEASE RRVS\n"
            "set announce_limits true\n"
            "set mechanisms_without_tls PLAIN\n"
            "set max_message_size 52428800\n"
            "A: connected\n"
            "S: 220 mx.example ESMTP\n"
            "@ 1.500\n"
            "R: 8\n"
            "C: EHLO c\n"
            "A: ehlo c => drop 554 5.7.1 no\n"
            "S: 554 5.7.1 no\n"
            "C: xxxxxxxxxxxxxxxxxxx\n"
            "X: refused\n");
  EXPECT_TRUE(ParseTranscript(text_).ok());
}

TEST_F(RecorderTest, ReadsAreThoseOfTheMaskedOctets) {
  const std::string line = "AUTH PLAIN AGFubgBzZWNyZXQtcGFzc3dvcmQ=\r\n";
  recorder_.OnRead(20);
  recorder_.OnRead(line.size() - 20 + 3);
  recorder_.OnConsumed(line, line.size());
  Open(AuthBegin{"PLAIN", "ann secret-password"});
  recorder_.OnAuthAnswer(RequestId{id_}, AuthGranted{"ann"});
  recorder_.OnRead(3);
  recorder_.OnConsumed("NOOP\r\n", 0);
  recorder_.OnEnd("", CloseReason::kPeerGone);
  EXPECT_TRUE(absl::StrContains(text_,
                                "R: 20\n"
                                "R: 8\n"
                                "C: AUTH PLAIN KioqKioqKio=\n"
                                "A: auth PLAIN ******** => grant ann\n"
                                "R: 3\n"
                                "C: NOOP\n"
                                "B: peer-gone\n"))
      << text_;
}

TEST_F(RecorderTest, LinesThatAreEqualAreOne) {
  Client("DATA\r\n");
  Ask(BodyBegin{}, Verdict::Accept());
  for (int i = 0; i < 1000; ++i) Client("a line of content\r\n");
  recorder_.OnEnd("", CloseReason::kPeerGone);
  EXPECT_TRUE(absl::StrContains(text_, "repeat 1000\nC: xxxxxxxxxxxxxxxxx\n"))
      << text_;
}

TEST_F(RecorderTest, MemoryIsLimited) {
  for (int i = 0; i < 40000; ++i) Client(absl::StrCat("NOOP ", i, "\r\n"));
  EXPECT_LE(memory_, kMaxRecording + 8192);
  recorder_.OnEnd("", CloseReason::kPeerGone);
  EXPECT_EQ(memory_, 0u);
  EXPECT_TRUE(absl::EndsWith(text_, "\nB: the recording is full\n"));
  const auto parsed = ParseTranscript(text_);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(Replay(*parsed).differences, std::vector<std::string>());
  EXPECT_FALSE(MakeTest(text_, *parsed, {}).ok());
}

// Another thread makes the text. Until then it needs memory.
TEST_F(RecorderTest, ARecordingCountsUntilItIsDestroyed) {
  keep_ = true;
  Client("NOOP\r\n");
  const size_t before = memory_;
  EXPECT_GT(before, 0u);
  recorder_.OnEnd("", CloseReason::kPeerGone);
  EXPECT_EQ(memory_, before);
  EXPECT_GE(kept_.size(), before);
  EXPECT_EQ(kept_.Text(), text_);
  EXPECT_TRUE(absl::EndsWith(text_, "C: NOOP\nB: peer-gone\n")) << text_;
  { const Recording moved = std::move(kept_); }
  EXPECT_EQ(memory_, 0u);
}

TEST_F(RecorderTest, AllRecordersShareALimit) {
  memory_ = size_t{64} << 20;
  Client("NOOP\r\n");
  recorder_.OnEnd("", CloseReason::kPeerGone);
  EXPECT_TRUE(absl::EndsWith(text_, "\nB: the recording is full\n"));
}

// What rules say about a client that a proxy names is a change of the
// configuration.
TEST_F(RecorderTest, ConfigurationMayChangeAtXclient) {
  Client("XCLIENT ADDR=192.0.2.2\r\n");
  Open(Connected{XClient()});
  config_.max_message_size = 1000;
  const Verdict accept = Verdict::Accept();
  recorder_.OnAnswer(RequestId{id_}, {&accept, 1});
  recorder_.OnEnd("", CloseReason::kPeerGone);
  EXPECT_TRUE(
      absl::StrContains(text_, "set max_message_size 1000\nA: xclient\n"))
      << text_;
}

}  // namespace
}  // namespace postern::recording
