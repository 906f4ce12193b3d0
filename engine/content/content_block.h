// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Looks for what BodyScanner has to act on, 64 octets at a time.

#ifndef POSTERN_ENGINE_CONTENT_CONTENT_BLOCK_H_
#define POSTERN_ENGINE_CONTENT_CONTENT_BLOCK_H_

#include <cstddef>
#include <cstdint>

#include "engine/content/scan_path.h"

namespace postern {

// 64 octets of content as bits, bit i for octet i, and what lies before them.
struct ContentBlock {
  static constexpr size_t kSize = 64;

  size_t plain = 0;    // plain blocks in front of this one
  uint64_t lines = 0;  // that end in the plain blocks
  uint64_t lfs = 0;    // in this one
  uint64_t cr = 0;
  uint64_t lf = 0;
  uint64_t dot = 0;
};

// Finds the first of the `blocks` blocks at `p`, one at least, that is not
// plain; sets `plain` to `blocks` if there is none. A block is plain if each LF
// in it follows a CR, each CR is followed by an LF (that behind its last octet
// left open) and no `dot` follows an LF. `before` is what counts as the octet
// before `p`, which is not read. Looks at (plain + 1) * kSize octets at most.
using FindOddBlock = void(const char* p, size_t blocks, char before, char dot,
                          ContentBlock* block);

// Returns the search that goes by `path`, which must be one that can run here.
FindOddBlock* OddBlockFinder(ScanPath path);

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_CONTENT_BLOCK_H_
