// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: what a client sends arrives at a server's sink as it was sent, or
// not at all where the server refuses or the content has bare newlines; each
// command has its own reply; and nothing outlives STARTTLS. With all
// extensions, and however the bytes are cut: tests/loopback.h.

#include <cstddef>
#include <cstdint>

#include "tests/loopback.h"
#include "tests/loopback_choice.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1024) return 0;  // each byte costs many steps
  // A byte a choice, so that an input can be read. Behind the last, all go
  // byte by byte, and answers come at once.
  const postern::Chooser choose = [&](size_t n) -> size_t {
    if (size == 0) return 0;
    --size;
    return *data++ % n;
  };
  (void)postern::RunLoopback(postern::ChooseLoopback(choose), choose);
  return 0;
}
