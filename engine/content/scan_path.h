// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The machine code that searches content. All paths give the same results.

#ifndef POSTERN_ENGINE_CONTENT_SCAN_PATH_H_
#define POSTERN_ENGINE_CONTENT_SCAN_PATH_H_

#include <cstdint>

namespace postern {

// Which instructions search the content.
enum class ScanPath : uint8_t {
  kPortable,  // 16 octets at a time, as any compiler translates it
  kAvx2,      // x86-64 of 2013 and later
};

// Returns whether this machine and its operating system can run `path`.
bool CanRun(ScanPath path);

// Returns the fastest path that can run on this machine, which is determined
// once, or the forced one. Thread-safe.
ScanPath ChosenScanPath();

// Makes all messages that begin later use `path`, which must be able to run.
// For measurements, and to avoid a path that is suspected of a fault. Not
// thread-safe: call it before a second thread starts.
void ForceScanPath(ScanPath path);

}  // namespace postern

#endif  // POSTERN_ENGINE_CONTENT_SCAN_PATH_H_
