// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: each line of a script is a fault that can be used or one error that
// names its line, and printing a fault gives a line that reads as the same
// fault.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rig/fault.h"
#include "rig/fault_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern::rig;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto faults = ParseFaultScript(text, "script");
  if (!faults.ok()) {
    const std::string why(faults.status().message());
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    bool named = false;
    for (long line = 1; line <= lines && !named; ++line) {
      named = absl::StartsWith(why, absl::StrCat("script:", line, ": "));
    }
    EXPECT_TRUE(named) << why;
    EXPECT_FALSE(absl::StrContains(why, "\n")) << why;
    return 0;
  }
  for (const Fault& fault : *faults) {
    EXPECT_EQ(CheckFault(fault), "");
    const auto again = ParseFaultScript(FormatFault(fault), "again");
    EXPECT_TRUE(again.ok()) << again.status() << FormatFault(fault);
    EXPECT_EQ(again->size(), 1u) << FormatFault(fault);
    EXPECT_EQ((*again)[0], fault) << FormatFault(fault);
  }
  return 0;
}
