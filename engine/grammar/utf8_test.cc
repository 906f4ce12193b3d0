// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(Utf8Test, AcceptsUtf8) {
  const absl::string_view cases[] = {
      "",
      "ascii",
      {"\0", 1},
      "\x7f",
      "\xc2\x80",          // U+0080
      "\xdf\xbf",          // U+07FF
      "\xe0\xa0\x80",      // U+0800
      "\xed\x9f\xbf",      // U+D7FF
      "\xee\x80\x80",      // U+E000
      "\xef\xbf\xbf",      // U+FFFF: not a character, but UTF-8
      "\xf0\x90\x80\x80",  // U+10000
      "\xf4\x8f\xbf\xbf",  // U+10FFFF
      "sixteen ascii octets and \xc3\xa4 and sixteen ascii octets",
      "\xc3\xa4sixteen ascii octets\xe2\x82\xac",
  };
  for (absl::string_view text : cases) {
    EXPECT_TRUE(IsUtf8(text)) << testing::PrintToString(std::string(text));
  }
}

TEST(Utf8Test, RefusesOtherOctets) {
  const absl::string_view cases[] = {
      "\x80",  // only a continuation octet
      "\xbf",
      "\xc3",  // incomplete
      "\xe2\x82",
      "\xf0\x9f\x98",
      "\xc3"
      "a",  // the continuation is missing
      "\xe2\x82"
      "a",
      "\xc0\x80",  // overlong NUL
      "\xc0\xaf",  // overlong '/'
      "\xc1\xbf",
      "\xe0\x80\xaf",
      "\xe0\x9f\xbf",
      "\xf0\x80\x80\xaf",
      "\xf0\x8f\xbf\xbf",
      "\xed\xa0\x80",  // surrogates
      "\xed\xbf\xbf",
      "\xed\xa0\xbd\xed\xb8\x80",  // a pair of them
      "\xf4\x90\x80\x80",          // beyond U+10FFFF
      "\xf5\x80\x80\x80",
      "\xf8\x88\x80\x80\x80",
      "\xfc\x84\x80\x80\x80\x80",
      "\xfe",
      "\xff",
      "\xc3\xa4\xa4",  // one continuation too many
      "\xe4",          // Latin-1
      "sixteen ascii octets and \xe4",
      "\xc3\xa4 and sixteen ascii octets and \xc3",
  };
  for (absl::string_view text : cases) {
    EXPECT_FALSE(IsUtf8(text)) << testing::PrintToString(std::string(text));
  }
}

// Returns the code point that `text` consists of, computed as in RFC 3629 3, or
// -1.
int32_t NaiveCodePoint(absl::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80             ? 1
                        : (lead & 0xe0) == 0xc0 ? 2
                        : (lead & 0xf0) == 0xe0 ? 3
                        : (lead & 0xf8) == 0xf0 ? 4
                                                : 0;
  if (length != text.size()) return -1;
  int32_t point = length == 1 ? lead : lead & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if ((octet & 0xc0) != 0x80) return -1;
    point = point << 6 | (octet & 0x3f);
  }
  constexpr int32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10ffff) return -1;
  return point >= 0xd800 && point <= 0xdfff ? -1 : point;
}

// The definition: some prefix is one code point, and the rest is UTF-8.
bool NaiveIsUtf8(absl::string_view text) {
  if (text.empty()) return true;
  for (size_t n = 1; n <= text.size() && n <= 4; ++n) {
    if (NaiveCodePoint(text.substr(0, n)) >= 0) {
      return NaiveIsUtf8(text.substr(n));
    }
  }
  return false;
}

TEST(Utf8Test, MatchesTheDefinitionForAllSequencesOfThreeOctets) {
  // With a fourth octet, one of these, if the lead octet needs one.
  constexpr absl::string_view kFourth = "\x7f\x80\x8f\x90\xbf\xc0";
  int differences = 0;
  for (int i = 0; i < 1 << 24; ++i) {
    const char octets[] = {static_cast<char>(i >> 16),
                           static_cast<char>(i >> 8), static_cast<char>(i),
                           kFourth[i % kFourth.size()]};
    const absl::string_view all(octets, 4);
    for (size_t n = i % 65536 == 0 ? 1 : i % 256 == 0 ? 2 : 3; n <= 4; ++n) {
      if (n == 4 && i < 0xf0 << 16) break;
      differences += IsUtf8(all.substr(0, n)) != NaiveIsUtf8(all.substr(0, n));
    }
  }
  EXPECT_EQ(differences, 0);
}

TEST(Utf8Test, FindsNonAscii) {
  EXPECT_TRUE(IsAscii(""));
  EXPECT_TRUE(IsAscii(absl::string_view()));
  for (size_t length : {1, 7, 8, 9, 15, 16, 17, 40}) {
    for (size_t at = 0; at < length; ++at) {
      std::string text(length, '\x7f');
      EXPECT_TRUE(IsAscii(text));
      text[at] = '\x80';
      EXPECT_FALSE(IsAscii(text)) << at << " of " << length;
    }
  }
}

TEST(Utf8Test, FindsUnprintableOctets) {
  EXPECT_TRUE(IsPrintableAscii(""));
  EXPECT_TRUE(IsPrintableAscii(absl::string_view()));  // a null pointer
  for (size_t length : {1, 7, 8, 9, 15, 16, 17, 40}) {
    for (size_t at = 0; at < length; ++at) {
      for (char beside : {' ', '~'}) {
        std::string text(length, beside);
        for (int c = 0; c < 256; ++c) {
          text[at] = static_cast<char>(c);
          EXPECT_EQ(IsPrintableAscii(text), c >= 0x20 && c < 0x7f)
              << c << " at " << at << " of " << length;
        }
      }
    }
  }
}

TEST(Utf8Test, FindsControlCharactersBeyondAscii) {
  EXPECT_TRUE(ContainsC1Controls("a\xc2\x80"));
  EXPECT_TRUE(
      ContainsC1Controls("\xc2\x9b"
                         "2J"));
  EXPECT_TRUE(ContainsC1Controls("\xc2\x9f"));
  EXPECT_TRUE(ContainsC1Controls("\xff\xc2\x85\xc2"));  // the rest is not UTF-8
  EXPECT_FALSE(ContainsC1Controls("\xc2\xa0"));
  EXPECT_FALSE(
      ContainsC1Controls("\xc2"
                         "A"));  // Latin-1
  EXPECT_FALSE(ContainsC1Controls("\xc2\x7f\x80"));
  EXPECT_FALSE(ContainsC1Controls("\xc2\xc2"));
  EXPECT_FALSE(ContainsC1Controls("\xc3\x9b"));
  EXPECT_FALSE(ContainsC1Controls("ascii \x1b"));
  EXPECT_FALSE(ContainsC1Controls(""));
}

}  // namespace
}  // namespace postern
