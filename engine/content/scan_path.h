// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Which machine code searches content: the same results, at different speeds.

#ifndef POSTERN_ENGINE_CONTENT_SCAN_PATH_H_
#define POSTERN_ENGINE_CONTENT_SCAN_PATH_H_

#include <cstdint>

namespace postern {

enum class ScanPath : uint8_t {
  kPortable,  // what any compiler makes of 16 octets at a time
  kAvx2,      // x86-64 of 2013 and later
};

// Returns whether this machine and its system can run `path`.
bool CanRun(ScanPath path);

// Returns the fastest path that can run here, found out once, or the one that
// was forced. Thread-safe.
ScanPath ChosenScanPath();

// Makes every message that begins from now on be searched by `path`, which
// must be able to run. For measurements, and for whoever distrusts the other
// path. Call it before there is a second thread: nothing guards the choice.
void ForceScanPath(ScanPath path);

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_SCAN_PATH_H_
