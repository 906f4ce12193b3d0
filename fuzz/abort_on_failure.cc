// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Makes a failed GoogleTest expectation end the process, so that libFuzzer
// keeps the input. libFuzzer does not catch the trap of GoogleTest's
// break_on_failure.

#include <cstdlib>
#include <iostream>

#include "gtest/gtest.h"

namespace {

class AbortOnFailure : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::cerr << result << std::flush;
    std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  testing::TestEventListeners& listeners =
      testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new AbortOnFailure);
  return 0;
}
