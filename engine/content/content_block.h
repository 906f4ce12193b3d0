// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Finds the octets that BodyScanner must handle, 64 octets at a time.

#ifndef POSTERN_ENGINE_CONTENT_CONTENT_BLOCK_H_
#define POSTERN_ENGINE_CONTENT_CONTENT_BLOCK_H_

#include <cstddef>
#include <cstdint>

#include "engine/content/scan_path.h"

namespace postern {

// 64 octets of content as bits, bit i for octet i, and the blocks before them.
struct ContentBlock {
  // Octets of a block.
  static constexpr size_t kSize = 64;

  size_t plain = 0;    // plain blocks before this one
  uint64_t lines = 0;  // lines that end in the plain blocks
  uint64_t lfs = 0;    // LFs in this block
  // One bit for each octet, the lowest for the first: it is a CR (`cr`), a LF
  // (`lf`), or a dot (`dot`).
  uint64_t cr = 0;
  uint64_t lf = 0;
  uint64_t dot = 0;
};

// Finds the first of the `blocks` blocks at `p`, at least one, that is not
// plain, and sets `plain` to `blocks` if there is none. A block is plain if
// each LF in it follows a CR, each CR is followed by an LF (a CR in the last
// octet is not checked), and no `dot` follows an LF. `before` is used as the
// octet before `p`, which is not read. Examines at most (plain + 1) * kSize
// octets.
using SearchBlocks = void(const char* p, size_t blocks, char before, char dot,
                          ContentBlock* block);

// Returns the search for `path`, which must be able to run on this machine.
SearchBlocks* BlockSearch(ScanPath path);

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_CONTENT_BLOCK_H_
