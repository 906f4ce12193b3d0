// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/decimal.h"

#include <limits>

#include "absl/strings/ascii.h"

namespace postern {

std::optional<uint64_t> ParseDecimal(absl::string_view text, size_t max_digits,
                                     Overflow overflow) {
  if (text.empty() || text.size() > max_digits) return std::nullopt;
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  uint64_t value = 0;
  bool past = false;
  for (char c : text) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    past = past || value > (kMax - digit) / 10;
    value = 10 * value + digit;
  }
  if (!past) return value;
  if (overflow == Overflow::kRefuse) return std::nullopt;
  return kMax;
}

}  // namespace postern
