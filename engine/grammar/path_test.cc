// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/path.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

struct Case {
  absl::string_view text;
  absl::string_view address;  // of the parsed path
  absl::string_view printed;
  absl::string_view rest = "";
};

TEST(PathTest, ParsesPathsOfRfc5321) {
  const std::string local64(64, 'l');
  const std::string domain255 =
      std::string(63, 'a') + "." + std::string(63, 'b') + "." +
      std::string(63, 'c') + "." + std::string(63, 'd');
  const std::string address = local64 + "@" + domain255;
  const std::string longest = "<" + address + ">";
  const Case cases[] = {
      {"<u@example.org>", "u@example.org", "<u@example.org>"},
      {"<U.x+tag@Example.ORG>", "U.x+tag@Example.ORG", "<U.x+tag@Example.ORG>"},
      {"<>", "", "<>"},
      {"<postmaster>", "postmaster", "<postmaster>"},
      {"<u@d> SIZE=1", "u@d", "<u@d>", " SIZE=1"},
      {"u@d", "u@d", "<u@d>"},  // no brackets
      {"u@d NOTIFY=x", "u@d", "<u@d>", " NOTIFY=x"},
      {"<@a:u@d>", "u@d", "<u@d>"},  // source route
      {"<@a,@b.c:u@d>", "u@d", "<u@d>"},
      {"<\"a b\"@d>", "a b@d", "<\"a b\"@d>"},
      {"<\"a@evil\"@d>", "a@evil@d", "<\"a@evil\"@d>"},
      {"<\"a>b\"@d>", "a>b@d", "<\"a>b\"@d>"},
      {"<\"a\\\"b\\\\\"@d>", "a\"b\\@d", "<\"a\\\"b\\\\\"@d>"},
      {"<\"plain\"@d>", "plain@d", "<plain@d>"},  // needless quotes are removed
      {"<a..b@d>", "a..b@d", "<\"a..b\"@d>"},     // in use; printed in quotes
      {"<u@local.example.>", "u@local.example.", "<u@local.example.>"},
      {"<.a@d>", ".a@d", "<\".a\"@d>"},
      {"<a.@d>", "a.@d", "<\"a.\"@d>"},
      {"<\"\"@d>", "@d", "<\"\"@d>"},  // QcontentSMTP may be empty
      {"<u@a_b>", "u@a_b", "<u@a_b>"},
      {"<u@_dmarc.d>", "u@_dmarc.d", "<u@_dmarc.d>"},
      {"<u@a--b.c-d>", "u@a--b.c-d", "<u@a--b.c-d>"},
      {"<#@[]>", "#@[]", "<#@[]>"},  // qmail's double bounces
      {"<u@[127.0.0.1]>", "u@[127.0.0.1]", "<u@[127.0.0.1]>"},
      {"<u@[IPv6:::1]>", "u@[IPv6:::1]", "<u@[IPv6:::1]>"},
      {"<u@[ipv6:2001:db8::192.0.2.1]>", "u@[ipv6:2001:db8::192.0.2.1]",
       "<u@[ipv6:2001:db8::192.0.2.1]>"},
      {"<u@[IPv6:1:2:3:4:5:6::]>", "u@[IPv6:1:2:3:4:5:6::]",
       "<u@[IPv6:1:2:3:4:5:6::]>"},
      {"<u@[IPv6:1:2:3:4:5:6:7:8]>", "u@[IPv6:1:2:3:4:5:6:7:8]",
       "<u@[IPv6:1:2:3:4:5:6:7:8]>"},
      {longest, address, longest},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    const std::optional<ParsedPath> parsed = ParsePath(c.text);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->path.Address(), c.address);
    EXPECT_EQ(c.text.substr(parsed->consumed), c.rest);
    EXPECT_EQ(FormatPath(parsed->path), c.printed);
    const std::optional<ParsedPath> again = ParsePath(FormatPath(parsed->path));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->path, parsed->path);
  }
}

TEST(PathTest, RefusesOtherText) {
  const absl::string_view cases[] = {
      "",
      "<",
      "<u@d",  // no '>'
      "<u@>",  // no domain
      "<@d>",  // a source route without a mailbox
      "<@foo>",
      "<@a,@b>",
      "@a:u@d",  // a source route without brackets
      "< u@d>",
      "<u@d >",
      "<a@b@c>",       // an unquoted second '@'
      "<\"u@evil\">",  // would be taken for an address with a domain
      "<\"\">",        // would be taken for the null path
      "\"\"",
      "<\"a@d>",    // no closing quote
      "<a\\@b@d>",  // a backslash outside quotes
      "<u@a..b>",
      "<u@.b>",
      "<u@d e>",
      "<u@-a>",  // RFC 5321 4.1.2: Let-dig [Ldh-str]
      "<u@a->",
      "<u@->",
      "<u@a.-b.c>",
      "<u@a.b-.c>",
      "<u@a-.>",
      "<@a-:u@d>",
      "<u@[127.0.0.1>",
      "<u@[127.0.0.256]>",
      "<u@[]>",
      "<#@[]",
      "#@[]",
      "<u@[383.0.0.257]>",
      "<u@[127.0.0]>",
      "<u@[127.0.0.1.1]>",
      "<u@[::1]>",  // the tag is missing
      "<u@[IPv6:1:2:3:4:5:6:7]>",
      "<u@[IPv6:1:2:3:4:5:6::8]>",  // "::" replaces two groups or more, 4.1.3
      "<u@[IPv6:::2:3:4:5:6:7:8]>",
      "<u@[IPv6:1:2:3:4:5::192.0.2.1]>",
      "<u@[IPv6:1:2:3:4:5:6:7:8:9]>",
      "<u@[IPv6:1::2::3]>",
      "<u@[IPv6:12345::]>",
      "<u@[IPv6:1:]>",
      "<u@[x-tag:what]>",
      "<\x80@d>",
      "<\"\x01\"@d>",
      "<u@d\x80>",
  };
  for (absl::string_view text : cases) {
    EXPECT_FALSE(ParsePath(text).has_value()) << std::string(text);
  }
}

TEST(PathTest, ParsesUtf8IfAllowed) {
  const std::string domain255 = [] {  // a label longer than any A-label
    std::string domain;
    while (domain.size() < 254) domain += "\xc3\xa4";
    return domain + "x";
  }();
  const std::string longest = "<u@" + domain255 + ">";
  const std::string address = "u@" + domain255;
  const Case cases[] = {
      {"<\xc3\xa4@d>", "\xc3\xa4@d", "<\xc3\xa4@d>"},
      {"<u@b\xc3\xbc"
       "cher.example>",
       "u@b\xc3\xbc"
       "cher.example",
       "<u@b\xc3\xbc"
       "cher.example>"},
      {"<\xe7\x94\xa8@\xe4\xbe\x8b>", "\xe7\x94\xa8@\xe4\xbe\x8b",
       "<\xe7\x94\xa8@\xe4\xbe\x8b>"},
      {"<\"\xc3\xa4 b\"@d>", "\xc3\xa4 b@d", "<\"\xc3\xa4 b\"@d>"},
      {"<\"\xc3\xa4\"@d>", "\xc3\xa4@d", "<\xc3\xa4@d>"},  // needless quotes
      {"<@\xc3\xa4:u@d>", "u@d", "<u@d>"},                 // a source route
      {"<\xf0\x9f\x98\x80>", "\xf0\x9f\x98\x80", "<\xf0\x9f\x98\x80>"},
      {"\xc3\xa4@d SMTPUTF8", "\xc3\xa4@d", "<\xc3\xa4@d>", " SMTPUTF8"},
      {longest, address, longest},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    EXPECT_FALSE(ParsePath(c.text, Utf8::kNo).has_value());
    const std::optional<ParsedPath> parsed = ParsePath(c.text, Utf8::kYes);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->path.ascii(), IsAscii(c.address));
    EXPECT_EQ(parsed->path.Address(), c.address);
    EXPECT_EQ(c.text.substr(parsed->consumed), c.rest);
    EXPECT_EQ(FormatPath(parsed->path), c.printed);
    const auto again = ParsePath(c.printed, Utf8::kYes);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->path, parsed->path);
  }
}

TEST(PathTest, RefusesMisleadingUtf8) {
  const std::string past255 = [] {
    std::string domain;
    while (domain.size() < 256) domain += "\xc3\xa4";
    return "<u@" + domain + ">";
  }();
  const std::string long_ascii_label =
      "<u@\xc3\xa4." + std::string(64, 'a') + ".d>";
  const std::string long_last_label =
      "<u@\xc3\xa4." + std::string(64, 'a') + ">";
  const absl::string_view cases[] = {
      "<\xe4@d>",          // Latin-1
      "<\xc0\xae@d>",      // an overlong dot
      "<\xed\xa0\x80@d>",  // a surrogate
      "<\xc3@d>",          // incomplete
      "<u@d\xc3>",
      "<u@d> X=\xff",  // not UTF-8 after the path
      "<\xc2\x9b"
      "2J@d>",         // CSI, for a terminal
      "<u@\xc2\x85>",  // NEL
      "<u@evil\xe3\x80\x82"
      "example>",  // dots for IDNA, but not here
      "<u@evil\xef\xbc\x8e"
      "example>",
      "<u@evil\xef\xbd\xa1"
      "example>",
      "<\"\\\xc3\xa4\"@d>",  // a quoted-pair beyond ASCII
      "<u@[\xc3\xa4]>",
      "<\"\xc3\xa4@evil\">",  // would be taken for an address with a domain
      past255,
      long_ascii_label,
      long_last_label,
  };
  for (absl::string_view text : cases) {
    EXPECT_FALSE(ParsePath(text, Utf8::kYes).has_value()) << std::string(text);
  }
}

TEST(PathTest, ParsesAsciiAlikeWithAndWithoutUtf8) {
  for (absl::string_view text :
       {"<u@example.org>", "<>", "<#@[]>", "<\"a@b\"@d>", "<u@[IPv6:::1]>",
        "u@d x", "<u@d", "<@a:u@d>", "<a..b@d>"}) {
    const auto plain = ParsePath(text, Utf8::kNo);
    const auto utf8 = ParsePath(text, Utf8::kYes);
    ASSERT_EQ(plain.has_value(), utf8.has_value()) << std::string(text);
    if (plain) {
      EXPECT_EQ(plain->path, utf8->path);
    }
  }
}

TEST(PathTest, IsAsciiOnlyIfBothPartsAre) {
  EXPECT_TRUE(Path().ascii());
  EXPECT_TRUE((Path{"u", "d"}).ascii());
  EXPECT_FALSE((Path{"\xc3\xa4", "d"}).ascii());
  EXPECT_FALSE((Path{"u", "\xc3\xa4"}).ascii());
}

TEST(PathTest, ReportsWhereThePathEnds) {
  const std::optional<ParsedPath> parsed = ParsePath("<u@d>x");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->consumed, 5u);
}

TEST(PathTest, AcceptsPathsUpToTheLimit) {
  const std::string local(kMaxPath - 2, 'a');
  EXPECT_TRUE(ParsePath("<" + local + "@d>").has_value());
  EXPECT_FALSE(ParsePath("<" + local + "a@d>").has_value());
  // The limit applies to the stored path, not to the text.
  EXPECT_TRUE(ParsePath("<\"" + local + "\"@d>").has_value());
}

TEST(PathTest, RefusesLongLabelsAndDomains) {
  EXPECT_TRUE(ParsePath("<u@" + std::string(63, 'a') + ">").has_value());
  EXPECT_FALSE(ParsePath("<u@" + std::string(64, 'a') + ">").has_value());
  std::string domain;
  for (int i = 0; i < 128; ++i) domain += "a.";
  EXPECT_FALSE(ParsePath("<u@" + domain + "a>").has_value());
}

}  // namespace
}  // namespace postern
