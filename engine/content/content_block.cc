// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content/content_block.h"

#include <algorithm>

#include "engine/content/avx2.h"
#include "engine/grammar/octets.h"

namespace postern {
namespace {

// The number of blocks whose lines can be counted in each octet of a vector: at
// most four octets of a block are added to the same one.
constexpr size_t kCountedBlocks = 255 / 4;

// The first block is examined by its bits. The blocks after it, most of them
// plain, are compared with themselves shifted by one octet. That is faster, but
// does not give the bits, which are needed for the block where the search ends.
bool Plain(const ContentBlock& block, char before) {
  const uint64_t after_cr = block.cr << 1 | (before == '\r');
  const uint64_t after_lf = block.lf << 1 | (before == '\n');
  return ((block.lf ^ after_cr) | (block.dot & after_lf)) == 0;
}

void LoadPortable(const char* p, char dot, ContentBlock* block) {
  block->cr = BitsOf(p, '\r');
  block->lf = BitsOf(p, '\n');
  block->lfs = CountBits(block->lf);
  block->dot = BitsOf(p, dot);
}

// A counter for each octet of a vector.
typedef uint8_t Counts __attribute__((vector_size(sizeof(Octets))));

// Skips plain blocks. There must be an octet before each of them.
size_t SkipPortable(const char* p, size_t blocks, char dot, uint64_t* lines) {
  const auto stuffed = static_cast<signed char>(dot);
  size_t skipped = 0;
  bool odd = false;
  while (!odd && skipped < blocks) {
    const size_t stop = std::min(blocks, skipped + kCountedBlocks);
    Counts count = {};
    for (; skipped < stop; ++skipped, p += ContentBlock::kSize) {
      Octets wrong = {};
      Counts lfs = {};
      for (size_t i = 0; i < ContentBlock::kSize; i += sizeof(Octets)) {
        const Octets here = LoadOctets(p + i);
        const Octets before = LoadOctets(p + i - 1);
        const Octets lf = here == '\n';
        wrong |= lf ^ (before == '\r');
        wrong |= (before == '\n') & (here == stuffed);
        lfs -= reinterpret_cast<Counts>(lf);
      }
      odd = Any(wrong);
      if (odd) break;
      count += lfs;
    }
    for (size_t i = 0; i < sizeof(count); ++i) *lines += count[i];
  }
  return skipped;
}

void FindPortable(const char* p, size_t blocks, char before, char dot,
                  ContentBlock* block) {
  block->plain = 0;
  block->lines = 0;
  LoadPortable(p, dot, block);
  if (!Plain(*block, before)) return;
  block->lines = block->lfs;
  block->plain =
      1 + SkipPortable(p + ContentBlock::kSize, blocks - 1, dot, &block->lines);
  if (block->plain < blocks) {
    LoadPortable(p + block->plain * ContentBlock::kSize, dot, block);
  }
}

#if defined(__x86_64__)

POSTERN_AVX2 inline void LoadBlockAvx2(const char* p, char dot,
                                       ContentBlock* block) {
  const __m256i low = LoadAvx2(p);
  const __m256i high = LoadAvx2(p + sizeof(low));
  const __m256i cr = _mm256_set1_epi8('\r');
  const __m256i lf = _mm256_set1_epi8('\n');
  const __m256i dots = _mm256_set1_epi8(dot);
  block->cr = BitsAvx2(_mm256_cmpeq_epi8(low, cr)) |
              BitsAvx2(_mm256_cmpeq_epi8(high, cr)) << 32;
  block->lf = BitsAvx2(_mm256_cmpeq_epi8(low, lf)) |
              BitsAvx2(_mm256_cmpeq_epi8(high, lf)) << 32;
  block->lfs = static_cast<uint64_t>(_mm_popcnt_u64(block->lf));
  block->dot = BitsAvx2(_mm256_cmpeq_epi8(low, dots)) |
               BitsAvx2(_mm256_cmpeq_epi8(high, dots)) << 32;
}

// Returns -1 in each octet that makes a block odd. Adds -1 to `lfs` for each
// LF.
POSTERN_AVX2 inline __m256i WrongAvx2(const char* p, char dot, __m256i* lfs) {
  const __m256i here = LoadAvx2(p);
  const __m256i before = LoadAvx2(p - 1);
  const __m256i lf = _mm256_cmpeq_epi8(here, _mm256_set1_epi8('\n'));
  const __m256i after_lf = _mm256_cmpeq_epi8(before, _mm256_set1_epi8('\n'));
  const __m256i after_cr = _mm256_cmpeq_epi8(before, _mm256_set1_epi8('\r'));
  const __m256i dots = _mm256_cmpeq_epi8(here, _mm256_set1_epi8(dot));
  *lfs = _mm256_add_epi8(*lfs, lf);
  return _mm256_or_si256(_mm256_xor_si256(lf, after_cr),
                         _mm256_and_si256(dots, after_lf));
}

POSTERN_AVX2 size_t SkipAvx2(const char* p, size_t blocks, char dot,
                             uint64_t* lines) {
  size_t skipped = 0;
  bool odd = false;
  while (!odd && skipped < blocks) {
    const size_t stop = std::min(blocks, skipped + kCountedBlocks);
    __m256i count = _mm256_setzero_si256();
    for (; skipped < stop; ++skipped, p += ContentBlock::kSize) {
      __m256i lfs = _mm256_setzero_si256();
      const __m256i low = WrongAvx2(p, dot, &lfs);
      const __m256i high = WrongAvx2(p + sizeof(low), dot, &lfs);
      const __m256i wrong = _mm256_or_si256(low, high);
      odd = !_mm256_testz_si256(wrong, wrong);
      if (odd) break;
      count = _mm256_sub_epi8(count, lfs);
    }
    const __m256i sums = _mm256_sad_epu8(count, _mm256_setzero_si256());
    *lines += static_cast<uint64_t>(
        _mm256_extract_epi64(sums, 0) + _mm256_extract_epi64(sums, 1) +
        _mm256_extract_epi64(sums, 2) + _mm256_extract_epi64(sums, 3));
  }
  return skipped;
}

POSTERN_AVX2 void FindAvx2(const char* p, size_t blocks, char before, char dot,
                           ContentBlock* block) {
  block->plain = 0;
  block->lines = 0;
  LoadBlockAvx2(p, dot, block);
  if (!Plain(*block, before)) return;
  block->lines = block->lfs;
  block->plain =
      1 + SkipAvx2(p + ContentBlock::kSize, blocks - 1, dot, &block->lines);
  if (block->plain < blocks) {
    LoadBlockAvx2(p + block->plain * ContentBlock::kSize, dot, block);
  }
}

#endif  // defined(__x86_64__)

}  // namespace

SearchBlocks* BlockSearch(ScanPath path) {
  switch (path) {
    case ScanPath::kPortable:
      break;
    case ScanPath::kAvx2:
#if defined(__x86_64__)
      return FindAvx2;
#else
      break;
#endif
  }
  return FindPortable;
}

}  // namespace postern
