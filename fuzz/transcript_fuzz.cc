// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a text is a transcript or one error that names its line. Running a
// transcript gives the same text each time, in printable ASCII. A recording
// that was not changed has no differences after it is made a test.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "recording/replayer.h"
#include "recording/transcript.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern::recording;
  if (size > 65536) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto transcript = ParseTranscript(text);
  if (!transcript.ok()) {
    EXPECT_FALSE(absl::StrContains(transcript.status().message(), "\n"));
    return 0;
  }
  size_t octets = 0;
  for (const std::string& flight : transcript->flights) octets += flight.size();
  if (octets > (size_t{1} << 20)) return 0;  // it takes long
  const ReplayResult result = Replay(*transcript);
  EXPECT_EQ(result.text, Replay(*transcript).text);
  EXPECT_TRUE(std::all_of(result.text.begin(), result.text.end(), [](char c) {
    return c == '\n' || absl::ascii_isprint(static_cast<unsigned char>(c));
  }));
  const auto test = MakeTest(text, *transcript, result.messages);
  if (test.ok()) (void)ParseTranscript(*test);
  return 0;
}
