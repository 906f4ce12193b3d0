// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/header_block.h"

#include "engine/content/avx2.h"
#include "engine/grammar/octets.h"

namespace postern {
namespace {

constexpr size_t kSize = HeaderBlock::kSize;

// Setting 0x20 makes both cases of a letter equal, and also CR and '-', LF and
// '*'.
constexpr char kCase = 0x20;

Octets MayStartHop(Octets octets) {
  const Octets folded = octets | static_cast<signed char>(kCase);
  return (folded == 'r') | (folded == 'd') | (octets == '\r') |
         (octets == '\n');
}

uint64_t StartsPortable(const char* p, char before) {
  uint64_t matters = 0;
  for (size_t i = 0; i < kSize; i += sizeof(Octets)) {
    matters |= Bits(MayStartHop(LoadOctets(p + i))) << i;
  }
  return matters & (BitsOf(p, '\n') << 1 | (before == '\n'));
}

// May return false for a dull block, because it compares only the bits that R,
// D, CR and LF share with six other letters and some control characters.
bool DullPortable(const char* p) {
  Octets starts = {};
  for (size_t i = 0; i < kSize; i += sizeof(Octets)) {
    const Octets after_lf = LoadOctets(p + i - 1) == '\n';
    const Octets octets = LoadOctets(p + i);
    constexpr signed char kSharedByLetters = static_cast<signed char>(0xc9);
    constexpr signed char kSharedByNewlines = static_cast<signed char>(0xf8);
    starts |= after_lf & (((octets & kSharedByLetters) == 0x40) |
                          ((octets & kSharedByNewlines) == 0x08));
  }
  return !Any(starts);
}

HeaderBlock FindPortable(const char* p, size_t blocks, char before) {
  HeaderBlock block;
  block.starts = StartsPortable(p, before);
  if (block.starts != 0) return block;
  for (block.dull = 1; block.dull < blocks; ++block.dull) {
    p += kSize;
    if (DullPortable(p)) continue;
    block.starts = StartsPortable(p, p[-1]);
    if (block.starts != 0) break;
  }
  return block;
}

#if defined(__x86_64__)

// The low four bits of the relevant octets, folded, all differ. They select the
// only octet that could match.
POSTERN_AVX2 inline __m256i MayStartHopAvx2(__m256i octets) {
  const __m256i table = _mm256_setr_epi8(
      0, 0, 'r', 0, 'd', 0, 0, 0, 0, 0, '\n' | kCase, 0, 0, '\r' | kCase, 0, 0,
      0, 0, 'r', 0, 'd', 0, 0, 0, 0, 0, '\n' | kCase, 0, 0, '\r' | kCase, 0, 0);
  const __m256i folded = _mm256_or_si256(octets, _mm256_set1_epi8(kCase));
  return _mm256_cmpeq_epi8(folded, _mm256_shuffle_epi8(table, folded));
}

POSTERN_AVX2 inline uint64_t StartsAvx2(const char* p, char before) {
  const __m256i lf = _mm256_set1_epi8('\n');
  const __m256i low = LoadAvx2(p);
  const __m256i high = LoadAvx2(p + sizeof(low));
  const uint64_t lfs = BitsAvx2(_mm256_cmpeq_epi8(low, lf)) |
                       BitsAvx2(_mm256_cmpeq_epi8(high, lf)) << 32;
  const uint64_t matters =
      BitsAvx2(MayStartHopAvx2(low)) | BitsAvx2(MayStartHopAvx2(high)) << 32;
  return matters & (lfs << 1 | (before == '\n'));
}

POSTERN_AVX2 inline bool DullAvx2(const char* p) {
  const __m256i lf = _mm256_set1_epi8('\n');
  const __m256i low = _mm256_and_si256(_mm256_cmpeq_epi8(LoadAvx2(p - 1), lf),
                                       MayStartHopAvx2(LoadAvx2(p)));
  p += sizeof(low);
  const __m256i high = _mm256_and_si256(_mm256_cmpeq_epi8(LoadAvx2(p - 1), lf),
                                        MayStartHopAvx2(LoadAvx2(p)));
  const __m256i starts = _mm256_or_si256(low, high);
  return _mm256_testz_si256(starts, starts) != 0;
}

POSTERN_AVX2 HeaderBlock FindAvx2(const char* p, size_t blocks, char before) {
  HeaderBlock block;
  block.starts = StartsAvx2(p, before);
  if (block.starts != 0) return block;
  for (block.dull = 1; block.dull < blocks; ++block.dull) {
    p += kSize;
    if (DullAvx2(p)) continue;
    block.starts = StartsAvx2(p, p[-1]);
    break;
  }
  return block;
}

#endif  // defined(__x86_64__)

}  // namespace

HeaderBlock FindLineStart(ScanPath path, const char* p, size_t blocks,
                          char before) {
#if defined(__x86_64__)
  if (path == ScanPath::kAvx2) return FindAvx2(p, blocks, before);
#endif
  (void)path;  // without AVX2 there is only one path
  return FindPortable(p, blocks, before);
}

}  // namespace postern
