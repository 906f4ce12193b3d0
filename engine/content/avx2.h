// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the AVX2 searches of this directory share. Only for functions that run
// if ScanPath::kAvx2 can.

#ifndef POSTERN_ENGINE_CONTENT_AVX2_H_
#define POSTERN_ENGINE_CONTENT_AVX2_H_

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

// Before each function that uses AVX2: the rest of the program must run on any
// x86-64.
#define POSTERN_AVX2 __attribute__((target("avx2,bmi,popcnt")))

namespace postern {

// Returns the 32 octets at `p`.
POSTERN_AVX2 inline __m256i LoadAvx2(const char* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// Returns the highest bit of each octet, bit i for octet i.
POSTERN_AVX2 inline uint64_t BitsAvx2(__m256i octets) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(octets));
}

}  // namespace postern

#endif  // defined(__x86_64__)

#endif  // POSTERN_ENGINE_CONTENT_AVX2_H_
