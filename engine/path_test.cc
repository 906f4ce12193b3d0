// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/path.h"

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

TEST(PathTest, ReadsWhatRfc5321Allows) {
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
      {"<\"plain\"@d>", "plain@d", "<plain@d>"},  // needless quotes go
      {"<a..b@d>", "a..b@d", "<\"a..b\"@d>"},     // seen in use, quoted
      {"<u@local.example.>", "u@local.example.", "<u@local.example.>"},
      {"<u@a_b>", "u@a_b", "<u@a_b>"},
      {"<#@[]>", "#@[]", "<#@[]>"},  // qmail's double bounces
      {"<u@[127.0.0.1]>", "u@[127.0.0.1]", "<u@[127.0.0.1]>"},
      {"<u@[IPv6:::1]>", "u@[IPv6:::1]", "<u@[IPv6:::1]>"},
      {"<u@[ipv6:2001:db8::192.0.2.1]>", "u@[ipv6:2001:db8::192.0.2.1]",
       "<u@[ipv6:2001:db8::192.0.2.1]>"},
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

TEST(PathTest, RefusesWhatIsNoPath) {
  const absl::string_view cases[] = {
      "",
      "<",
      "<u@d",  // no '>'
      "<u@>",  // no domain
      "<@d>",  // a route without a mailbox
      "<@foo>",
      "<@a,@b>",
      "@a:u@d",  // a route without brackets
      "< u@d>",
      "<u@d >",
      "<a@b@c>",       // an unquoted second '@'
      "<\"u@evil\">",  // a domain in disguise
      "<\"\"@d>",      // an empty local part
      "<\"a@d>",       // no closing quote
      "<a\\@b@d>",     // a backslash outside quotes
      "<u@a..b>",
      "<u@.b>",
      "<u@d e>",
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

TEST(PathTest, TellsWhereThePathEnds) {
  const std::optional<ParsedPath> parsed = ParsePath("<u@d>x");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->consumed, 5u);
}

TEST(PathTest, TakesAddressesUpToTheLimit) {
  const std::string local(kMaxPath - 2, 'a');
  EXPECT_TRUE(ParsePath("<" + local + "@d>").has_value());
  EXPECT_FALSE(ParsePath("<" + local + "a@d>").has_value());
  // The limit counts what is stored, not what was sent.
  EXPECT_TRUE(ParsePath("<\"" + local + "\"@d>").has_value());
}

TEST(PathTest, RefusesLabelsAndDomainsPastTheirLimits) {
  EXPECT_TRUE(ParsePath("<u@" + std::string(63, 'a') + ">").has_value());
  EXPECT_FALSE(ParsePath("<u@" + std::string(64, 'a') + ">").has_value());
  std::string domain;
  for (int i = 0; i < 128; ++i) domain += "a.";
  EXPECT_FALSE(ParsePath("<u@" + domain + "a>").has_value());
}

}  // namespace
}  // namespace postern
