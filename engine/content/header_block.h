// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Finds the header lines that HopCounter must examine, 64 octets at a time.

#ifndef POSTERN_ENGINE_CONTENT_HEADER_BLOCK_H_
#define POSTERN_ENGINE_CONTENT_HEADER_BLOCK_H_

#include <cstddef>
#include <cstdint>

#include "engine/content/scan_path.h"

namespace postern {

// 64 octets of a header, and where relevant lines begin in them.
struct HeaderBlock {
  static constexpr size_t kSize = 64;

  size_t dull = 0;      // blocks before this one without such a line
  uint64_t starts = 0;  // bit i: such a line begins with octet i
};

// Returns the first of the `blocks` blocks at `p` in which a line begins that
// may be empty (starts with CR or LF) or a hop (starts with R or D of either
// case). If there is none, `dull` == `blocks`. A few other lines may be
// reported, too. `before` is used as the octet before `p`, which is not read.
HeaderBlock FindLineStart(ScanPath path, const char* p, size_t blocks,
                          char before);

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_HEADER_BLOCK_H_
