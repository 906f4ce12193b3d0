// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Replays tests/transcripts/*.smtp in many manners. Each must have the outcome
// that the transcript describes.

#include "recording/transcript.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/server_config.h"
#include "engine/session_times.h"
#include "gtest/gtest.h"
#include "recording/mask.h"
#include "recording/recorder.h"
#include "recording/replayer.h"
#include "tests/follower.h"
#include "tests/replay.h"
#include "tests/served_replay.h"

namespace postern {
namespace {

using recording::ParseTranscript;
using recording::Transcript;

constexpr size_t kWhole = std::string::npos;

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator("tests/transcripts")) {
    if (entry.path().extension() == ".smtp") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Returns all sizes of reads for a short stream, and a sample for a long one.
std::vector<size_t> Cuts(size_t size) {
  std::vector<size_t> cuts;
  for (size_t cut = 1; cut < size;
       cut += cut < 64 || size < 600 ? 1 : cut / 3) {
    cuts.push_back(cut);
  }
  cuts.push_back(kWhole);
  return cuts;
}

class TranscriptTest : public testing::TestWithParam<std::filesystem::path> {
 protected:
  void SetUp() override {
    std::ifstream file(GetParam());
    std::stringstream text;
    text << file.rdbuf();
    absl::StatusOr<Transcript> parsed = ParseTranscript(text.str());
    ASSERT_TRUE(parsed.ok()) << GetParam() << ": " << parsed.status();
    transcript_ = *std::move(parsed);
  }

  Outcome Play(const Manner& manner) {
    size_t next = 0;
    const auto& questions = transcript_.questions;
    Outcome outcome = Replay(
        transcript_.config, transcript_.flights, transcript_.end, manner,
        [&](const Ask& ask,
            const Envelope& envelope) -> std::optional<AnyAnswer> {
          if (next == questions.size() ||
              questions[next].ask != PrintAsk(ask, envelope)) {
            return Verdict::Accept();
          }
          return questions[next++].answer;
        },
        transcript_.start);
    if (next < questions.size()) {
      ADD_FAILURE() << "never asked: " << questions[next].ask;
    }
    return outcome;
  }

  // Records the session, served in a manner that depends on `seed`.
  void CheckRecording(bool bodies, uint32_t seed) {
    std::string text;
    recording::Recorder recorder(
        {.bodies = bodies,
         .program = "a test",
         .now = [] { return absl::UnixEpoch(); },
         .store = [&text](recording::Recording recorded, const std::string&,
                          absl::Time) { text = recorded.Text(); }});
    std::minstd_rand random(seed);
    size_t next = 0;
    const auto& questions = transcript_.questions;
    ServerConfig config = transcript_.config;
    config.max_open_asks = 1;
    const SessionTimes times;
    const ServedOutcome served = ServedReplay(
        config, times, transcript_.flights, transcript_.end,
        [&](const Ask& ask,
            const Envelope& envelope) -> std::optional<AnyAnswer> {
          if (next == questions.size() ||
              questions[next].ask != PrintAsk(ask, envelope)) {
            return Verdict::Accept();
          }
          return questions[next++].answer;
        },
        [&](uint32_t most) -> uint32_t {
          return seed == 0 ? 0 : random() % (most + 1);
        },
        &recorder);
    SCOPED_TRACE(text);
    // The credentials of most transcripts, also of AUTH that is not served.
    EXPECT_FALSE(absl::StrContains(text, "AHUAcA"));
    const auto recorded = ParseTranscript(text);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    const recording::ReplayResult replayed = recording::Replay(*recorded);
    EXPECT_EQ(replayed.differences, std::vector<std::string>());
    EXPECT_EQ(replayed.asks.size(), served.outcome.asks.size());
    EXPECT_EQ(replayed.text, recording::Replay(*recorded).text);
    // The answer about a message may have come too late.
    EXPECT_LE(replayed.messages.size(), served.outcome.messages.size());
    std::string masked;
    absl::string_view rest = served.outcome.replies;
    rest = rest.substr(0, rest.rfind('\n') + 1);
    while (!rest.empty()) {
      const size_t size = rest.find('\n') + 1;
      masked += recording::MaskReplyLine(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    // What the client did not read is recorded, too.
    EXPECT_TRUE(absl::StartsWith(replayed.replies, masked)) << masked;
    const auto test = recording::MakeTest(text, *recorded, replayed.messages);
    // A test cannot say at which moment a session is cut short.
    if (!test.ok() || (served.cut_short && seed != 0)) return;
    const auto again = ParseTranscript(*test);
    ASSERT_TRUE(again.ok()) << again.status() << "\n" << *test;
    EXPECT_EQ(recording::Replay(*again).differences, std::vector<std::string>())
        << *test;
    EXPECT_EQ(again->replies, recorded->replies);
  }

  Transcript transcript_;
};

TEST_P(TranscriptTest, HasTheSameOutcomeInEveryManner) {
  SCOPED_TRACE(transcript_.title);
  const Outcome whole = Play({.cuts = {kWhole}});
  EXPECT_EQ(whole.replies, transcript_.replies);
  std::vector<std::string> contents;
  for (const Message& message : whole.messages) {
    contents.push_back(message.content);
  }
  EXPECT_EQ(contents, transcript_.messages);
  std::optional<std::string> closed;
  if (whole.closed) closed = std::string(CloseReasonName(*whole.closed));
  EXPECT_EQ(closed, transcript_.closed);
  ExpectOneReplyPerCommand(transcript_.config, transcript_.flights, whole);
  if (HasFailure()) return;
  const Manner c_manners[] = {
      {.cuts = {kWhole}, .c_interface = true},
      {{5}, true, true, 4, false, /*rests=*/true, /*c_interface=*/true},
  };
  for (const Manner& manner : c_manners) {
    SCOPED_TRACE(manner.Describe());
    ASSERT_EQ(Play(manner), whole);
  }
  size_t longest = 0;
  for (const std::string& flight : transcript_.flights) {
    longest = std::max(longest, flight.size());
  }
  for (size_t cut : Cuts(longest)) {
    const Manner manners[] = {
        {.cuts = {cut}},
        {.cuts = {cut}, .late = true, .rests = true},
        {.cuts = {cut}, .late = true, .reversed = true, .max_open_asks = 4},
        {.cuts = {cut}, .max_open_asks = 4, .slow_reader = true},
    };
    for (const Manner& manner : manners) {
      SCOPED_TRACE(manner.Describe());
      ASSERT_EQ(Play(manner), whole);
      if (HasFailure()) return;
    }
  }
}

// `postern replay` runs it, too.
TEST_P(TranscriptTest, Replays) {
  EXPECT_EQ(recording::Replay(transcript_).differences,
            std::vector<std::string>());
}

// A recording of the session replays: the same questions, the same replies and
// the same end, whatever the timing. The recording is also a test of its own.
TEST_P(TranscriptTest, ItsRecordingReplays) {
  SCOPED_TRACE(transcript_.title);
  for (const bool bodies : {false, true}) {
    for (uint32_t seed = 0; seed < 24; ++seed) {
      SCOPED_TRACE(absl::StrCat("seed ", seed, bodies ? ", bodies" : ""));
      CheckRecording(bodies, seed);
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TranscriptTest, testing::ValuesIn(Files()),
                         [](const auto& info) {
                           std::string name = info.param.stem().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(TranscriptParserTest, ErrorsNameTheLine) {
  EXPECT_EQ(ParseTranscript("# t\nC: a\nQ: b").status().message(),
            "line 3: no such line");
  EXPECT_EQ(ParseTranscript("C: a").status().message(), "line 1: no title");
  EXPECT_EQ(ParseTranscript("# t\nC\"\\q\"").status().message(),
            "line 2: bad escape");
  EXPECT_EQ(ParseTranscript("# t\nset max_fun 1").status().message(),
            "line 2: unknown key");
  EXPECT_EQ(
      ParseTranscript("# t\nA: connected => maybe 1 x").status().message(),
      "line 2: bad answer");
}

}  // namespace
}  // namespace postern
