// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Decimal numbers as commands carry them: sizes, seconds, ports.

#ifndef POSTERN_ENGINE_GRAMMAR_DECIMAL_H_
#define POSTERN_ENGINE_GRAMMAR_DECIMAL_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace postern {

// As many digits as 2^64-1 has: what SIZE (RFC 1870 4) and BDAT may carry.
inline constexpr size_t kMaxDigits = 20;

// What becomes of a number past 2^64-1.
enum class Overflow : uint8_t {
  kRefuse,
  kClamp,  // it is read as 2^64-1
};

// Returns the number that `text` is: 1 to `max_digits` digits, zeros in front
// allowed, and nothing else: no sign, no blank. Returns nullopt otherwise.
std::optional<uint64_t> ParseDecimal(absl::string_view text, size_t max_digits,
                                     Overflow overflow = Overflow::kRefuse);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_DECIMAL_H_
