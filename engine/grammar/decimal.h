// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Decimal numbers in commands: sizes, seconds, ports.

#ifndef POSTERN_ENGINE_GRAMMAR_DECIMAL_H_
#define POSTERN_ENGINE_GRAMMAR_DECIMAL_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace postern {

// The number of digits of 2^64-1, the most that SIZE (RFC 1870 4) and BDAT may
// have.
inline constexpr size_t kMaxDigits = 20;

// What ParseDecimal() does with a number beyond 2^64-1.
enum class Overflow : uint8_t {
  kRefuse,
  kClamp,  // returns 2^64-1
};

// Parses a number of 1 to `max_digits` digits. Leading zeros are allowed; signs
// and spaces are not. Returns nullopt otherwise.
std::optional<uint64_t> ParseDecimal(absl::string_view text, size_t max_digits,
                                     Overflow overflow = Overflow::kRefuse);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_DECIMAL_H_
