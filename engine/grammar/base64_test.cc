// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/base64.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(Base64Test, DecodesWhatItEncodes) {
  struct Row {
    absl::string_view bytes;
    absl::string_view text;
  };
  constexpr Row kRows[] = {
      // RFC 4648 10
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {{"\0u\0p", 4}, "AHUAcA=="},
      {"\xff\xfe\xfb", "//77"},
  };
  for (const Row& row : kRows) {
    EXPECT_EQ(EncodeBase64(row.bytes), row.text);
    const std::optional<std::string> bytes = DecodeBase64(row.text);
    ASSERT_TRUE(bytes) << row.text;
    EXPECT_EQ(*bytes, row.bytes);
  }
}

TEST(Base64Test, RefusesEverythingElse) {
  constexpr absl::string_view kBad[] = {
      "Z",         // no complete byte
      "Zg",        // no padding
      "Zg=",       // half of the padding
      "Zg===",     // too much padding
      "Zh==",      // bits after the last byte
      "Zm9=",      // the same
      "Zg==Zg==",  // padding inside
      "=",         // RFC 4954's empty response, not base64
      "==",       "====", " Zg==", "Zg== ", "Zm 8=",   "Zm8=\r",  "Zm\n8=",
      "Zm8-",     "Zm8_", "Zm8*",  "*",     "\x80g==", "Z\xc3==",
  };
  for (absl::string_view text : kBad) {
    EXPECT_FALSE(DecodeBase64(text)) << text;
  }
  EXPECT_FALSE(DecodeBase64(absl::string_view("Zg\0=", 4)));
}

// CVE-2018-6789 was an off-by-one error in the length of such a text.
TEST(Base64Test, MatchesTheDefinitionForAllShortTexts) {
  constexpr absl::string_view kSymbols("Ag/+9=*- \r\n\0\xff", 13);
  const auto value = [](char c) {
    constexpr absl::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return static_cast<int>(kAlphabet.find(c));  // -1: not in the alphabet
  };
  std::string text(4, ' ');
  for (char a : kSymbols) {
    for (char b : kSymbols) {
      for (char c : kSymbols) {
        for (char d : kSymbols) {
          text = {a, b, c, d};
          const bool three = value(d) >= 0;
          const bool two = d == '=' && value(c) >= 0;
          const bool one = d == '=' && c == '=';
          bool good = value(a) >= 0 && value(b) >= 0 && (one || value(c) >= 0);
          if (one) good = good && value(b) % 16 == 0;
          if (two) good = good && value(c) % 4 == 0;
          const auto bytes = DecodeBase64(text);
          ASSERT_EQ(bytes.has_value(), good && (one || two || three))
              << testing::PrintToString(text);
          if (bytes) {
            ASSERT_EQ(bytes->size(), one ? 1u : two ? 2u : 3u);
          }
        }
      }
    }
  }
  for (char a : kSymbols) {
    for (char b : kSymbols) {
      for (char c : kSymbols) {
        text = {a, b, c};
        ASSERT_FALSE(DecodeBase64(text)) << testing::PrintToString(text);
      }
      text = {a, b};
      ASSERT_FALSE(DecodeBase64(text)) << testing::PrintToString(text);
    }
    text = {a};
    ASSERT_FALSE(DecodeBase64(text)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace postern
