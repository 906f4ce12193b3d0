// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/saslprep.h"

#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

TEST(SaslPrepTest, TextsThatLookTheSameBecomeEqual) {
  const struct {
    absl::string_view text;
    absl::string_view prepared;
  } cases[] = {
      {"user", "user"},
      {"USER", "USER"},            // case is kept
      {" a,b=c ~ ", " a,b=c ~ "},  // printable ASCII is unchanged
      {"I\xC2\xADX", "IX"},        // RFC 4013 3: a soft hyphen is removed
      {"\xC2\xAA", "a"},           // RFC 4013 3: feminine ordinal
      {"\xE2\x85\xA8", "IX"},      // RFC 4013 3: Roman nine
      {"a\xC2\xA0"
       "b",
       "a b"},                    // no-break space
      {"u\xCC\x88", "\xC3\xBC"},  // u and a diaeresis
      {"\xC3\xBC", "\xC3\xBC"},   // as one character
  };
  for (const auto& [text, prepared] : cases) {
    EXPECT_EQ(SaslPrep(text), std::string(prepared)) << absl::CHexEscape(text);
  }
}

TEST(SaslPrepTest, ProhibitedTextsHaveNoResult) {
  const absl::string_view cases[] = {
      "",
      absl::string_view("a\0b", 3),
      "\x07",  // RFC 4013 3
      "\x7f",
      "a\tb",
      "\xD8\xA7\x31",      // RFC 4013 3: bidirectional check
      "\xC2\xAD",          // nothing is left
      "\xC2\x80",          // C1
      "\xE2\x80\x8E",      // left-to-right mark
      "\xEE\x80\x80",      // private use
      "\xF0\x9F\x98\x80",  // not in Unicode 3.2
      "\xFF",              // not UTF-8
      "\xC3",              // truncated
      "\xC0\x80",          // overlong
  };
  for (const absl::string_view text : cases) {
    EXPECT_EQ(SaslPrep(text), std::nullopt) << absl::CHexEscape(text);
  }
}

}  // namespace
}  // namespace postern::auth
