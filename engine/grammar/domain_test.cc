// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/domain.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// The A-labels are those of Python's codec "punycode"; the longer labels are of
// RFC 3492 7.1.
TEST(DomainTest, ALabelBeyondAsciiHasAnALabel) {
  const struct {
    std::string domain;
    absl::string_view form;
  } cases[] = {
      {"", ""},
      {".", "."},
      {"Example.ORG", "example.org"},
      {"example.org.", "example.org."},
      {"[192.0.2.1]", "[192.0.2.1]"},
      {"xn--BCHER-kva.example", "xn--bcher-kva.example"},
      {"b\u00fccher.example", "xn--bcher-kva.example"},
      {"B\u00fcCHER.Example", "xn--bcher-kva.example"},
      {".b\u00fccher.example.", ".xn--bcher-kva.example."},
      {"\u00fc", "xn--tda"},
      {"xn--\u00fc", "xn--xn---3ra"},
      {"a-\u00fc-b", "xn--a--b-1ra"},
      {"fa\u00df", "xn--fa-hia"},
      {"\u4f8b\u3048.\u00fc.x", "xn--r8jz45g.xn--tda.x"},
      {"\u03b5\u03bb\u03bb\u03ac\u03b4\u03b1", "xn--hxakic4aa"},
      {"\u4ed6\u4eec\u4e3a\u4ec0\u4e48\u4e0d\u8bf4\u4e2d\u6587",
       "xn--ihqwcrb4cv8a8dqg056pqjye"},
      {"3\u5e74b\u7d44\u91d1\u516b\u5148\u751f",
       "xn--3b-ww4c5e180e575a65lsy2b"},
      {"a\U0001f600b", "xn--ab-no82a"},
      {"\U0010ffff", "xn--dn32g"},
      // No U-label: another form, and so another name.
      {"B\u00dcCHER", "xn--bcher-2pa"},
      {"bu\u0308cher", "xn--bucher-xyd"},
      // No domain.
      {"b\xfc"
       "cher.example",
       "b\xfc"
       "cher.example"},
      {"\xc1\xac", "\xc1\xac"},
  };
  for (const auto& c : cases) EXPECT_EQ(AsciiDomain(c.domain), c.form);
}

TEST(DomainTest, WhatIsLongerThanADomainIsLeft) {
  std::string longest;
  while (longest.size() < 254) longest += "\u00fc";
  EXPECT_EQ(AsciiDomain(longest).substr(0, 4), "xn--");
  EXPECT_EQ(AsciiDomain(longest + "xX"), longest + "xx");
  // The greatest difference that a label can have does not overflow.
  const std::string last = std::string(251, 'a') + "\U0010ffff";
  EXPECT_EQ(AsciiDomain(last).substr(0, 256),
            absl::StrCat("xn--", std::string(251, 'a'), "-"));
}

TEST(DomainTest, OfAnAddressTheDomainFollowsTheLastAt) {
  EXPECT_EQ(AsciiAddress("\u00dcser@B\u00fccher.example"),
            "\u00dcser@xn--bcher-kva.example");
  EXPECT_EQ(AsciiAddress("U@\u00fc@X"), "u@\u00fc@x");
  EXPECT_EQ(AsciiAddress("@\u00fc.Example"), "@xn--tda.example");
  EXPECT_EQ(AsciiAddress("u@"), "u@");
  EXPECT_EQ(AsciiAddress(".\u00fc.example"), ".xn--tda.example");
  EXPECT_EQ(AsciiAddress(""), "");
}

TEST(DomainTest, EqualDomainsHaveOneForm) {
  EXPECT_TRUE(EqualDomains("A.example", "a.EXAMPLE"));
  EXPECT_TRUE(EqualDomains("\u00fc.example", "XN--TDA.example"));
  EXPECT_TRUE(EqualDomains("", ""));
  EXPECT_FALSE(EqualDomains("\u00fc.example", "u.example"));
  EXPECT_FALSE(EqualDomains("\u00fc", "\u00dc"));
  EXPECT_FALSE(EqualDomains("a", ""));
}

}  // namespace
}  // namespace postern
