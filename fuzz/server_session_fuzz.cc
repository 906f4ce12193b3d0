// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: replies, questions and messages are the same for all ways in which
// the bytes arrive and the questions are answered, and with the C interface.
// The rules and the model of tests/replay.h hold. Each command has one reply.
// No recipient that the policy refuses is in an envelope. A message whose dots
// were stuffed is one message again, so that nothing can be smuggled in it.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/content/body_scanner_reference.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/strictness.h"
#include "fuzz/judge.h"
#include "gtest/gtest.h"
#include "tests/follower.h"
#include "tests/replay.h"

namespace postern {
namespace {

// Returns whether messages may contain any octets.
bool OffersBinary(const ServerConfig& config) {
  return (config.extensions & config.carried).Has(Extension::kBinaryMime);
}

}  // namespace

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
  const auto end = static_cast<WireEnd>(input.ConsumeIntegralInRange(0, 3));
  const auto window = input.ConsumeIntegralInRange<size_t>(2, 9);
  std::vector<size_t> cuts;
  while (cuts.size() < 4) {
    cuts.push_back(input.ConsumeIntegralInRange<size_t>(1, 60));
  }
  config.lmtp = input.ConsumeBool();
  config.offer_starttls = input.ConsumeBool();
  config.require_tls = input.ConsumeBool() && config.offer_starttls;
  config.xclient = input.ConsumeBool();
  if (input.ConsumeBool()) {
    config.mechanisms = {"PLAIN", "LOGIN", "EXTERNAL"};
    config.mechanisms_without_tls = {"PLAIN", "LOGIN"};
    config.require_auth = input.ConsumeBool();
  }
  if (!input.ConsumeBool()) config.extensions = {};
  if (input.ConsumeBool()) config.carried = ExtensionSet::All();
  config.max_discarded = input.ConsumeBool() ? 1000 : 20;
  // One octet chooses both, so that the corpus keeps its meaning.
  const int limit = input.ConsumeIntegralInRange(0, 24);
  config.max_messages = limit % 5;
  config.strictness = limit < 20 ? Strictness::kStrict : Strictness::kLenient;
  const Flights flights = absl::StrSplit(input.ConsumeRemainingBytesAsString(),
                                         absl::string_view("\xff\xff"));
  const Answerer judge = [&](const Ask& ask, const Envelope& envelope) {
    return std::visit(
        Judge{config, envelope, greets, end == WireEnd::kTimedOut}, ask.what);
  };
  const auto replay = [&](const Manner& manner) {
    return Replay(config, flights, end, manner, judge);
  };
  const Outcome want = replay({.cuts = {1}});
  ExpectOneReplyPerCommand(config, flights, want);
  const size_t whole = std::string::npos;
  EXPECT_EQ(replay({.cuts = {whole}}), want);
  EXPECT_EQ(replay({.cuts = cuts, .late = true, .rests = true}), want);
  EXPECT_EQ(replay({cuts, true, true, window}), want);
  EXPECT_EQ(replay({{whole}, true, true, window, true}), want);
  EXPECT_EQ(replay({.cuts = cuts, .c_interface = true}), want);
  for (const Message& message : want.messages) {
    std::string content = message.content;
    // A message from BDAT may end without CRLF. A client that sends it with
    // DATA adds one.
    if (!content.empty() && !absl::EndsWith(content, "\r\n")) content += "\r\n";
    const std::string stuffed = StuffDots(content);
    const ScanOutcome again = ReferenceScan(stuffed, BareNewlines::kReject);
    if (again.newline != 0 && OffersBinary(config)) continue;
    EXPECT_EQ(again.content, content);
    EXPECT_TRUE(again.end && again.consumed == stuffed.size());
  }
  return 0;
}

}  // namespace postern
