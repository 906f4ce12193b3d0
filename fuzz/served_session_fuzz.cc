// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: the rules of tests/served_replay.h hold for every order in which
// octets are received and sent, answers arrive and time passes: each wait has a
// deadline, the session ends within its limit, memory is limited, and passwords
// are wiped. The replies, questions and messages are those of tests/replay.h
// for the same octets. If a deadline cut the session short, they are a
// beginning of those, and at most one reply more. A recording of the session
// replays: the session gets the same questions and gives the same replies.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/session_times.h"
#include "fuzz/judge.h"
#include "gtest/gtest.h"
#include "recording/recorder.h"
#include "recording/replayer.h"
#include "recording/transcript.h"
#include "tests/replay.h"
#include "tests/served_replay.h"

namespace postern {
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  FuzzedDataProvider input(data, size);
  ServerConfig config = {.greeting = "mx", .max_line = 1411};
  config.max_output = 4096;
  config.require_hello = input.ConsumeBool();
  config.max_message_size = input.ConsumeBool() ? 0 : 200;
  config.max_errors = input.ConsumeIntegralInRange(1, 20);
  config.early_talk =
      input.ConsumeBool() ? OutOfTurn::kReject : OutOfTurn::kNote;
  config.lmtp = input.ConsumeBool();
  config.offer_starttls = input.ConsumeBool();
  config.mechanisms = config.mechanisms_without_tls = {"PLAIN", "LOGIN"};
  config.carried = ExtensionSet::All();
  const auto end = static_cast<WireEnd>(input.ConsumeIntegralInRange(0, 3));
  SessionTimes times;
  times.session_timeout = absl::Seconds(input.ConsumeIntegralInRange(1, 900));
  times.pace.min_rate = input.ConsumeIntegralInRange(0, 2);
  const Flights flights = absl::StrSplit(input.ConsumeRandomLengthString(),
                                         absl::string_view("\xff\xff"));
  const Answerer judge = [&](const Ask& ask, const Envelope& envelope) {
    return std::visit(Judge{config, envelope, true, end == WireEnd::kTimedOut},
                      ask.what);
  };
  const Chooser choose = [&input](uint32_t most) {
    return input.ConsumeIntegralInRange<uint32_t>(0, most);
  };
  std::string text;
  recording::Recorder recorder(
      {.bodies = times.pace.min_rate == 1,
       .program = "a fuzz target",
       .now = [] { return absl::UnixEpoch(); },
       .store = [&text](recording::Recording recorded, const std::string&,
                        absl::Time) { text = recorded.Text(); }});
  const ServedOutcome got =
      ServedReplay(config, times, flights, end, judge, choose, &recorder);
  const auto recorded = recording::ParseTranscript(text);
  EXPECT_TRUE(recorded.ok()) << recorded.status() << "\n" << text;
  if (recorded.ok()) {
    EXPECT_EQ(recording::Replay(*recorded).differences,
              std::vector<std::string>())
        << text;
  }
  const Outcome want = Replay(config, flights, end, {}, judge);
  if (!got.cut_short) {
    EXPECT_EQ(got.outcome, want);
    return 0;
  }
  ExpectBeginning(got.outcome, want);
  return 0;
}

}  // namespace postern
