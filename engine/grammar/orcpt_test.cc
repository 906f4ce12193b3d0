// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/orcpt.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(OrcptTest, ParsesRfc3461And6533) {
  struct Case {
    absl::string_view value;
    absl::string_view type;
    absl::string_view address;
    absl::string_view printed;
  };
  const std::string longest = "rfc822;" + std::string(493, 'a');
  const Case cases[] = {
      {"rfc822;u@d", "rfc822", "u@d", "rfc822;u@d"},
      {"RFC822;a+2Bb@d", "RFC822", "a+b@d", "RFC822;a+2Bb@d"},
      {"rfc822;+61@d", "rfc822", "a@d", "rfc822;a@d"},  // needless encoding
      {"rfc822;a+20b", "rfc822", "a b", "rfc822;a+20b"},
      {"rfc822;a+09b", "rfc822", "a\tb", "rfc822;a+09b"},
      {"rfc822;a;b", "rfc822", "a;b", "rfc822;a;b"},
      {"x400;/C+3Dde/", "x400", "/C=de/", "x400;/C+3Dde/"},
      {"utf-8;u@d", "utf-8", "u@d", "utf-8;u@d"},
      {"UTF-8;e\\x{3D}mc2@\\x{30C9}.jp", "UTF-8", "e\\x{3D}mc2@\\x{30C9}.jp",
       "UTF-8;e\\x{3D}mc2@\\x{30C9}.jp"},
      {"utf-8;\\x{20}\\x{2b}\\x{3D}\\x{5C}\\x{80}\\x{FF}\\x{100}\\x{D7FF}",
       "utf-8", "\\x{20}\\x{2b}\\x{3D}\\x{5C}\\x{80}\\x{FF}\\x{100}\\x{D7FF}",
       "utf-8;\\x{20}\\x{2b}\\x{3D}\\x{5C}\\x{80}\\x{FF}\\x{100}\\x{D7FF}"},
      {"utf-8;\\x{E000}\\x{10000}\\x{10FFFF}", "utf-8",
       "\\x{E000}\\x{10000}\\x{10FFFF}",
       "utf-8;\\x{E000}\\x{10000}\\x{10FFFF}"},
      {longest, "rfc822", absl::string_view(longest).substr(7), longest},
  };
  for (const Case& c : cases) {
    for (Utf8 utf8 : {Utf8::kNo, Utf8::kYes}) {
      SCOPED_TRACE(std::string(c.value));
      const std::optional<Orcpt> orcpt = ParseOrcpt(c.value, utf8);
      ASSERT_TRUE(orcpt.has_value());
      EXPECT_EQ(orcpt->type, c.type);
      EXPECT_EQ(orcpt->address, c.address);
      EXPECT_EQ(FormatOrcpt(*orcpt), c.printed);
      EXPECT_EQ(ParseOrcpt(c.printed, utf8), orcpt);
    }
  }
  EXPECT_FALSE(ParseOrcpt(longest + "a", Utf8::kNo).has_value());
}

TEST(OrcptTest, ParsesUtf8OnlyIfAllowed) {
  constexpr absl::string_view kValue = "utf-8;\xc3\xa4\\x{E4}@d";
  EXPECT_FALSE(ParseOrcpt(kValue, Utf8::kNo).has_value());
  const std::optional<Orcpt> orcpt = ParseOrcpt(kValue, Utf8::kYes);
  ASSERT_TRUE(orcpt.has_value());
  EXPECT_EQ(orcpt->address, "\xc3\xa4\\x{E4}@d");
  EXPECT_EQ(FormatOrcpt(*orcpt), kValue);
}

TEST(OrcptTest, RefusesOtherText) {
  const absl::string_view cases[] = {
      "",
      "rfc822",
      "u@d",
      ";u@d",
      "rfc822;",
      "rfc 822;u@d",
      "rfc.822;u@d",
      "<rfc822>;u@d",
      "rfc\xc3\xa4;u@d",
      "rfc822;a+b@d",
      "rfc822;a+2b@d",    // lower case
      "rfc822;a+0D+0Ab",  // would end a line in a notification
      "rfc822;a+00",
      "rfc822;a+7F",
      "rfc822;+C3+A4@d",  // needs the type utf-8
      "rfc822;\xc3\xa4@d",
      "utf-8;",
      "utf-8;a+2Bb",  // utf-8 has its own encoding
      "UTF-8;a+2Bb",
      "utf-8;a=b",
      "utf-8;a b",
      "utf-8;a\\b",
      "utf-8;\\x",
      "utf-8;\\x{",
      "utf-8;\\x{}",
      "utf-8;\\x{E",
      "utf-8;\\x{E}",
      "utf-8;\\x{E4",
      "utf-8;\\X{E4}",
      "utf-8;\\x{G4}",
      "utf-8;\\x{0E4}",
      "utf-8;\\x{41}",  // must not be encoded
      "utf-8;\\x{0A}",
      "utf-8;\\x{7F}",
      "utf-8;\\x{D800}",
      "utf-8;\\x{DFFF}",
      "utf-8;\\x{110000}",
      "utf-8;\\x{1000000}",
      "utf-8;\xe4@d",      // Latin-1
      "utf-8;\xc2\x9b@d",  // CSI, for a terminal
      "utf-8;a\x7f",
  };
  for (absl::string_view value : cases) {
    EXPECT_EQ(ParseOrcpt(value, Utf8::kYes), std::nullopt)
        << std::string(value);
  }
}

}  // namespace
}  // namespace postern
