// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: for all cuts of the content and all search paths, the scanner has the
// same result as a simple automaton that reads one octet at a time. Content
// that it accepted is one message again after its dots were stuffed.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/content/body_scanner_reference.h"
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
  const Framing framing =
      input.ConsumeBool() ? Framing::kCounted : Framing::kDotted;
  // A chunk is repeated, so that short inputs fill many blocks.
  const size_t chunk_size = input.ConsumeIntegral<uint8_t>();
  const size_t times = input.ConsumeIntegralInRange<size_t>(0, 31);
  const std::string chunk = input.ConsumeBytesAsString(chunk_size);
  std::string wire;
  for (size_t i = 0; i <= times; ++i) wire += chunk;
  wire += input.ConsumeRemainingBytesAsString();

  const ScanOutcome want = ReferenceScan(wire, mode, framing);
  for (ScanPath path : ScanPaths()) {
    ScanFeeder feeder(mode, framing, path);
    absl::string_view rest = wire;
    for (size_t i = 0; !rest.empty(); ++i) {
      const absl::string_view read = rest.substr(0, cuts[i % cuts.size()]);
      feeder.Feed(read);
      rest.remove_prefix(read.size());
    }
    EXPECT_EQ(feeder.Finish(), want);
  }
  ScanFeeder whole(mode, framing);
  whole.Feed(wire);
  EXPECT_EQ(whole.Finish(), want);

  if (!want.end || want.newline != 0) return 0;
  const std::string stuffed = StuffDots(want.content);
  const ScanOutcome again = ReferenceScan(stuffed, BareNewlines::kReject);
  EXPECT_EQ(again.content, want.content);
  EXPECT_TRUE(again.end && again.consumed == stuffed.size());
  return 0;
}

}  // namespace postern
