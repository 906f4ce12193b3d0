// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: what a client sends arrives unchanged at a server's delivery, or not
// at all if the server refuses it or the content has bare newlines. Each
// command has its own reply. No state outlives STARTTLS. All extensions are
// offered, and the bytes are cut in any way: tests/loopback.h.

#include <cstddef>
#include <cstdint>

#include "tests/loopback.h"
#include "tests/loopback_choice.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1024) return 0;  // each byte costs many steps
  // Each choice takes one byte, so that an input can be read by people. After
  // the last byte, octets arrive one by one, and answers arrive at once.
  const postern::Chooser choose = [&](size_t n) -> size_t {
    if (size == 0) return 0;
    --size;
    return *data++ % n;
  };
  (void)postern::RunLoopback(postern::ChooseLoopback(choose), choose);
  return 0;
}
