// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/decimal.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(DecimalTest, ParsesDigitsUpToTheLargestNumber) {
  struct Case {
    absl::string_view text;
    uint64_t want;
  };
  const Case cases[] = {
      {"0", 0},
      {"00", 0},
      {"9", 9},
      {"10", 10},
      {"0000000001", 1},
      {"00000000000000000001", 1},  // 20 digits
      {"2147483647", 2147483647},   // 2^31-1
      {"2147483648", 2147483648},
      {"4294967295", 4294967295},  // 2^32-1
      {"4294967296", 4294967296},
      {"9223372036854775807", 9223372036854775807u},  // 2^63-1
      {"9223372036854775808", 9223372036854775808u},
      {"18446744073709551609", kMax - 6},
      {"18446744073709551614", kMax - 1},
      {"18446744073709551615", kMax},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    EXPECT_EQ(ParseDecimal(c.text, kMaxDigits), c.want);
    EXPECT_EQ(ParseDecimal(c.text, kMaxDigits, Overflow::kClamp), c.want);
  }
}

TEST(DecimalTest, RefusesOrClampsLargerNumbers) {
  const absl::string_view cases[] = {
      "18446744073709551616",  // 2^64
      "18446744073709551620", "18446744073709551700", "20000000000000000000",
      "36893488147419103232",  // 2^65: must not wrap to 0
      "99999999999999999999",
  };
  for (absl::string_view text : cases) {
    SCOPED_TRACE(std::string(text));
    EXPECT_EQ(ParseDecimal(text, kMaxDigits), std::nullopt);
    EXPECT_EQ(ParseDecimal(text, kMaxDigits, Overflow::kClamp), kMax);
  }
}

TEST(DecimalTest, RefusesOtherText) {
  const absl::string_view cases[] = {
      "",
      " ",
      "+1",
      "-1",
      "-0",
      " 1",
      "1 ",
      "1\t",
      "1x",
      "x1",
      "0x1",
      "1.0",
      "1e3",
      "/",  // the characters next to the digits
      ":",
      {"1\0", 2},
      "\xb2",                   // a digit of Latin-1
      "000000000000000000001",  // 21 digits
      "123456789012345678901",
      "9999999999999999999x",  // too large, and not a number
  };
  for (absl::string_view text : cases) {
    SCOPED_TRACE(testing::PrintToString(std::string(text)));
    EXPECT_EQ(ParseDecimal(text, kMaxDigits), std::nullopt);
    EXPECT_EQ(ParseDecimal(text, kMaxDigits, Overflow::kClamp), std::nullopt);
  }
}

TEST(DecimalTest, LimitsTheNumberOfDigits) {
  EXPECT_EQ(ParseDecimal("99999", 5), 99999u);
  EXPECT_EQ(ParseDecimal("100000", 5), std::nullopt);
  EXPECT_EQ(ParseDecimal("000001", 5), std::nullopt);
  EXPECT_EQ(ParseDecimal("100000", 5, Overflow::kClamp), std::nullopt);
  // Ten times 2^64: after it wraps once, it stays too large.
  EXPECT_EQ(ParseDecimal("184467440737095516160", 30), std::nullopt);
}

}  // namespace
}  // namespace postern
