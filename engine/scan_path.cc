// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/scan_path.h"

#include "absl/base/macros.h"

namespace postern {
namespace {

ScanPath& Choice() {
  static ScanPath path =
      CanRun(ScanPath::kAvx2) ? ScanPath::kAvx2 : ScanPath::kPortable;
  return path;
}

}  // namespace

bool CanRun(ScanPath path) {
  switch (path) {
    case ScanPath::kPortable:
      return true;
    case ScanPath::kAvx2:
#if defined(__x86_64__)
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
             __builtin_cpu_supports("popcnt");
#else
      return false;
#endif
  }
  return false;
}

ScanPath ChosenScanPath() { return Choice(); }

void ForceScanPath(ScanPath path) {
  ABSL_HARDENING_ASSERT(CanRun(path));
  Choice() = path;
}

}  // namespace postern
