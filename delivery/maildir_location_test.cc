// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_location.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

std::string Locate(absl::string_view pattern, const Path& recipient,
                   absl::string_view default_domain = "") {
  const auto location = MaildirLocation::Parse(pattern, default_domain);
  EXPECT_TRUE(location.ok()) << location.status();
  return location->For(recipient).value_or("none");
}

TEST(MaildirLocationTest, LocalPartAndDomainArePutInLowerCase) {
  const struct {
    absl::string_view pattern;
    Path recipient;
    absl::string_view directory;
  } cases[] = {
      {"/m/all", {"u", "d"}, "/m/all"},
      {"/m/all", {"../x", "d"}, "/m/all"},  // the address is not used
      {"/m/%u", {"u", "d"}, "/m/u"},
      {"/m/%u", {"U.Ser", "d"}, "/m/u.ser"},
      {"/m/%d/%u/Maildir", {"u", "D.Example"}, "/m/d.example/u/Maildir"},
      {"%u", {"u", "d"}, "u"},
      {"/m/%u@%d", {"u", "d"}, "/m/u@d"},
      {"/m/100%%/%u", {"u", "d"}, "/m/100%/u"},
      {"/m/%u", {"%d", "d"}, "/m/%d"},        // values are not patterns
      {"/m/%u", {"a b", "d"}, "/m/a b"},      //
      {"/m/%d", {"u", "[::1]"}, "/m/[::1]"},  //
      {"/m/%d", {"postmaster", ""}, "none"},  // no default domain
      {"/m/%u", {"Gr\u00f6\u00dfe", "d"}, "/m/gr\u00f6\u00dfe"},
      {"/m/%u", {"\u00d6", "d"}, "/m/\u00d6"},    // a capital stays
      {"/m/%u", {"o\u0308", "d"}, "/m/o\u0308"},  // and so does a form
      {"/m/%u", {"\uff0e\uff0f", "d"}, "/m/\uff0e\uff0f"},  // wide "./"
      {"/m/%d", {"u", "B\u00fccher.X"}, "/m/xn--bcher-kva.x"},
      {"/m/%d", {"u", "xn--Bcher-kva.x"}, "/m/xn--bcher-kva.x"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Locate(c.pattern, c.recipient), c.directory) << c.pattern;
  }
  EXPECT_EQ(Locate("/m/%d/%u", {"postmaster", ""}, "Example.Org"),
            "/m/example.org/postmaster");
  EXPECT_EQ(Locate("/m/%d/%u", {"u", "d"}, "Example.Org"), "/m/d/u");
}

TEST(MaildirLocationTest, NoValueFromAClientLeavesTheDirectory) {
  const std::string hostile[] = {
      "",
      ".",
      "..",
      "../x",
      ".hidden",
      "a/b",
      "/etc",
      "a/../../b",
      std::string("a\0b", 3),
      "a\nb",
      "a\x7f",
      "a\u0085b",
      "a\u009bb",
      "\xc0\xaf",       // overlong slash
      "\xc0\xae.",      // overlong dot
      "a\xe0\x80\xaf",  // more of it
      "\xed\xa0\x80",   // a surrogate
      "a\xff",
      "a\xc3",
      std::string(256, 'x'),
      std::string(300, 'x'),
  };
  for (const std::string& value : hostile) {
    EXPECT_EQ(Locate("/m/%u", {value, "d"}), "none") << value;
    EXPECT_EQ(Locate("/m/x%u", {value, "d"}), "none") << value;
    EXPECT_EQ(Locate("/m/%d/%u", {"u", value}), "none") << value;
  }
  EXPECT_EQ(Locate("/m/%u", {std::string(255, 'x'), "d"}),
            "/m/" + std::string(255, 'x'));
}

TEST(MaildirLocationTest, OnlyLocationsWithoutValuesAreShared) {
  EXPECT_TRUE(MaildirLocation::Parse("/m/all")->shared());
  EXPECT_TRUE(MaildirLocation::Parse("/m/100%%")->shared());
  EXPECT_FALSE(MaildirLocation::Parse("/m/%u")->shared());
  EXPECT_FALSE(MaildirLocation::Parse("%d/x")->shared());
}

TEST(MaildirLocationTest, StoreIsThePathThatDependsOnNoRecipient) {
  const struct {
    const char* pattern;
    const char* store;
  } cases[] = {
      {"/var/mail/%d/%u", "/var/mail"},
      {"/home/u-%u/Maildir", "/home"},
      {"/%u", "/"},
      {"%u/Maildir", "."},
      {"x%u", "."},
      {"mail/100%%/%u", "mail/100%"},
      {"/var/mail/all", "/var/mail"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(MaildirLocation::Parse(c.pattern)->store(), c.store) << c.pattern;
  }
}

TEST(MaildirLocationTest, InvalidPatternsAreErrors) {
  for (absl::string_view pattern :
       {absl::string_view(""), absl::string_view("/m/%x"),
        absl::string_view("/m/%"), absl::string_view("/m\0x", 4)}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(MaildirLocation::Parse(pattern).status()))
        << pattern;
  }
}

}  // namespace
}  // namespace postern::delivery
