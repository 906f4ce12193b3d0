// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/scan_path.h"

#include "absl/base/macros.h"

// clang cannot read the header as C++.
#if defined(__x86_64__) && !defined(__clang__) && \
    __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#endif

namespace postern {
namespace {

// Whether this machine has the instructions for which the AVX2 code is
// compiled. The C library has already determined it. The compilers' own
// function executes CPUID again at the start of every program, which takes 20
// us in a virtual machine: too much for one process per connection.
bool HasAvx2() {
#if !defined(__x86_64__)
  return false;
#elif defined(CPU_FEATURE_ACTIVE)
  return CPU_FEATURE_ACTIVE(AVX2) && CPU_FEATURE_ACTIVE(BMI1) &&
         CPU_FEATURE_ACTIVE(POPCNT);
#else
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("popcnt");
#endif
}

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
      return HasAvx2();
  }
  return false;
}

ScanPath ChosenScanPath() { return Choice(); }

void ForceScanPath(ScanPath path) {
  ABSL_HARDENING_ASSERT(CanRun(path));
  Choice() = path;
}

}  // namespace postern
