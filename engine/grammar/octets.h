// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Examines 64 octets at a time with portable code: the shared part of
// ContentBlock and HeaderBlock.

#ifndef POSTERN_ENGINE_GRAMMAR_OCTETS_H_
#define POSTERN_ENGINE_GRAMMAR_OCTETS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace postern {

// 16 octets, compared and combined at once. Compilers translate this to the
// machine's vector instructions. A comparison gives -1 if true, else 0.
typedef signed char Octets __attribute__((vector_size(16)));

// A word with 1 in each octet. Multiplication by it adds up the octets of a
// word.
constexpr uint64_t kEachOctet = 0x0101010101010101;

// Reads eight octets from `p`.
inline Octets LoadOctets(const char* p) {
  Octets octets;
  std::memcpy(&octets, p, sizeof(octets));
  return octets;
}

// Returns whether any octet is not 0.
inline bool Any(Octets octets) {
  uint64_t words[2];
  std::memcpy(words, &octets, sizeof(words));
  return (words[0] | words[1]) != 0;
}

// Returns bit i for octet i of 16, each of which is 0 or -1.
inline uint64_t BitsByProduct(Octets octets) {
  constexpr Octets kBitOfOctet = {1, 2, 4, 8, 16, 32, 64, -128,
                                  1, 2, 4, 8, 16, 32, 64, -128};
  octets &= kBitOfOctet;
  uint64_t words[2];
  std::memcpy(words, &octets, sizeof(words));
  // The highest octet is the sum of the word's octets, which share no bits.
  return words[0] * kEachOctet >> 56 | words[1] * kEachOctet >> 56 << 8;
}

// The same as BitsByProduct(), in one instruction on x86-64.
inline uint64_t Bits(Octets octets) {
#if defined(__SSE2__)
  return static_cast<uint64_t>(
      _mm_movemask_epi8(reinterpret_cast<__m128i>(octets)));
#else
  return BitsByProduct(octets);
#endif
}

// Returns bit i if the i-th of the 64 octets at `p` is `c`.
inline uint64_t BitsOf(const char* p, char c) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 64; i += 16) {
    bits |= Bits(LoadOctets(p + i) == static_cast<signed char>(c)) << i;
  }
  return bits;
}

// Returns a mask of the `n` lowest bits, n <= 64.
inline uint64_t LowBits(size_t n) {
  return n < 64 ? (uint64_t{1} << n) - 1 : ~uint64_t{0};
}

// Returns the number of set bits. Without a popcount instruction this is faster
// than the compilers' library call.
inline uint64_t CountBits(uint64_t bits) {
  bits -= bits >> 1 & 0x5555555555555555;
  bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
  bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return bits * kEachOctet >> 56;
}

// Returns a word with 1 in octet i, from the lowest, for bit i of eight.
// Multiplied by kEachOctet, its octet i counts the set bits up to bit i.
inline uint64_t SpreadBits(uint64_t bits) {
  const uint64_t each = bits * kEachOctet & 0x8040201008040201;
  return (each + 0x7f7f7f7f7f7f7f7f) >> 7 & kEachOctet;
}

// Stores the octets of a word, the lowest first.
inline void StoreWord(uint64_t word, uint8_t* to) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  std::memcpy(to, &word, sizeof(word));
}

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_OCTETS_H_
