// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: replies, questions and messages are the same in whatever manner the
// bytes come and the questions are answered; tests/replay.h's laws and model
// hold throughout; each command has one reply; no recipient whom the policy
// refuses is in an envelope; and a message, sent on with its dots stuffed, is
// one message again, so that nothing is smuggled in it.

#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <vector>

#include "engine/body_scanner_reference.h"
#include "fuzz/judge.h"
#include "gtest/gtest.h"
#include "tests/replay.h"

namespace postern {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;  // each byte costs many steps
  FuzzedDataProvider input(data, size);
  ServerConfig config = {.greeting = "mx", .max_line = 1411};
  config.max_output = 4096;
  config.require_hello = input.ConsumeBool();
  config.max_message_size = input.ConsumeBool() ? 0 : 200;
  config.max_recipients = input.ConsumeIntegralInRange<size_t>(1, 8);
  config.max_errors = input.ConsumeIntegralInRange(1, 20);
  config.max_hops = input.ConsumeIntegralInRange(1, 5);
  config.bare_newlines =
      input.ConsumeBool() ? BareNewlines::kNormalize : BareNewlines::kReject;
  const bool greets = input.ConsumeIntegral<uint8_t>() != 0;
  const auto end = static_cast<WireEnd>(input.ConsumeIntegralInRange(0, 2));
  const auto window = input.ConsumeIntegralInRange<size_t>(2, 9);
  std::vector<size_t> cuts;
  while (cuts.size() < 4) {
    cuts.push_back(input.ConsumeIntegralInRange<size_t>(1, 60));
  }
  const std::string wire = input.ConsumeRemainingBytesAsString();
  const Answerer judge = [&](const Ask& ask, const Envelope& envelope) {
    return std::visit(Judge{envelope, greets, end == WireEnd::kTimedOut},
                      ask.what);
  };
  const auto replay = [&](const Manner& manner) {
    return Replay(config, wire, end, manner, judge);
  };
  const Outcome want = replay({.cuts = {1}});
  ExpectOneReplyPerCommand(wire, want);
  const size_t whole = std::string::npos;
  EXPECT_EQ(replay({.cuts = {whole}}), want);
  EXPECT_EQ(replay({.cuts = cuts, .late = true}), want);
  EXPECT_EQ(replay({cuts, true, true, window}), want);
  EXPECT_EQ(replay({{whole}, true, true, window, true}), want);
  for (const Message& message : want.messages) {
    const std::string stuffed = StuffDots(message.content);
    const ScanOutcome again = ReferenceScan(stuffed, BareNewlines::kReject);
    EXPECT_EQ(again.content, message.content);
    EXPECT_TRUE(again.end && again.consumed == stuffed.size());
  }
  return 0;
}

}  // namespace postern
