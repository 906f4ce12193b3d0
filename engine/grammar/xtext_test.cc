// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/xtext.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(XtextTest, DecodesAndEncodes) {
  struct Case {
    absl::string_view xtext;
    absl::string_view octets;
  };
  const Case cases[] = {
      {"", ""},
      {"QQ314159", "QQ314159"},
      {"e+3Dmc2@example.com", "e=mc2@example.com"},  // RFC 4954 5
      {"a+2Bb", "a+b"},
      {"a+20b", "a b"},
      {"<>", "<>"},
      {"~!", "~!"},
      {"+7F", "\x7f"},
      {"+00", {"\0", 1}},
      {"+0D+0A", "\r\n"},
      {"+C3+A4+FF", "\xc3\xa4\xff"},
      {"+2B2B", "+2B"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.xtext));
    EXPECT_EQ(DecodeXtext(c.xtext), std::string(c.octets));
    EXPECT_EQ(EncodeXtext(c.octets), std::string(c.xtext));
  }
}

TEST(XtextTest, DecodesNeedlessEncoding) {
  EXPECT_EQ(DecodeXtext("+41+7E"), "A~");
}

TEST(XtextTest, RefusesOtherText) {
  const absl::string_view cases[] = {
      "+",        "+2",      "a+2",       "+2b", "+c3",  "+2G",  "++",   "+ 2",
      "+-1",      "a=b",     "a b",       " ",   "a\tb", "\r\n", "\x7f", "\x80",
      "\xc3\xa4", {"\0", 1}, {"+2\0", 3}, "+/0", "+:0",  "+@0",
  };
  for (absl::string_view text : cases) {
    EXPECT_EQ(DecodeXtext(text), std::nullopt)
        << testing::PrintToString(std::string(text));
  }
}

TEST(XtextTest, DecodesOnlyPrintableText) {
  EXPECT_EQ(DecodePrintableXtext("a+20+2B+09~"), "a +\t~");
  EXPECT_EQ(DecodePrintableXtext(""), "");
  for (absl::string_view text :
       {"a+0Db", "a+0Ab", "+00", "+1B", "+7F", "+80", "+C3+A4", "+2", "a b"}) {
    EXPECT_EQ(DecodePrintableXtext(text), std::nullopt) << std::string(text);
  }
}

TEST(XtextTest, EncodesEachOctet) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const std::string xtext = EncodeXtext(all);
  for (char c : xtext) EXPECT_TRUE(c > ' ' && c <= '~' && c != '=');
  EXPECT_EQ(DecodeXtext(xtext), all);
}

}  // namespace
}  // namespace postern
