// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: however the content is cut, the scanner comes to what a plain
// automaton, a byte at a time, comes to; and what it has taken, sent on with
// its dots stuffed, is one message again.

#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <vector>

#include "engine/body_scanner_reference.h"
#include "gtest/gtest.h"

namespace postern {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const BareNewlines mode =
      input.ConsumeBool() ? BareNewlines::kNormalize : BareNewlines::kReject;
  std::vector<size_t> cuts;
  while (cuts.size() < 4) {
    cuts.push_back(input.ConsumeIntegralInRange<size_t>(1, 200));
  }
  const std::string wire = input.ConsumeRemainingBytesAsString();

  ScanFeeder feeder(mode);
  absl::string_view rest = wire;
  for (size_t i = 0; !rest.empty(); ++i) {
    const absl::string_view read = rest.substr(0, cuts[i % cuts.size()]);
    feeder.Feed(read);
    rest.remove_prefix(read.size());
  }
  const ScanOutcome outcome = feeder.outcome();
  EXPECT_EQ(outcome, ReferenceScan(wire, mode));

  if (!outcome.end || outcome.newline != 0) return 0;
  const std::string stuffed = StuffDots(outcome.content);
  const ScanOutcome again = ReferenceScan(stuffed, BareNewlines::kReject);
  EXPECT_EQ(again.content, outcome.content);
  EXPECT_TRUE(again.end && again.consumed == stuffed.size());
  return 0;
}

}  // namespace postern
