// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/grants.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/address_set.h"

namespace postern::programs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Grant> Parse(absl::string_view text) {
  const auto grants = ParseGrants("grants", text);
  EXPECT_TRUE(grants.ok()) << grants.status();
  return grants.value_or(std::vector<Grant>());
}

GrantComparison Compare(absl::string_view present, absl::string_view declared) {
  std::vector<Grant> grants = Parse(present);
  for (Grant& grant : grants) grant.source = "tcp.smtp:14";
  return CompareGrants(grants, "grants", Parse(declared));
}

TEST(GrantsTest, ReadsAndWritesEachWord) {
  constexpr char kText[] =
      "everyone\n"
      "users\n"
      "names\n"
      "address 192.0.2.0/24\n"
      "address 198.51.100.1-198.51.100.99\n"
      "proxy 10.0.0.1\n"
      "xclient ::1\n"
      "proxy /run/postern\\x20s\n"
      "proxy systemd:smtp\n"
      "name .example.net\n"
      "name mx.example.org\n"
      "ident joe@=a.example\n"
      "domain \\x23odd\n"
      "domain .example.org\n"
      "domain xn--bcher-kva.example\n"
      "domains 3\n";
  const std::vector<Grant> grants = Parse(kText);
  ASSERT_THAT(grants, SizeIs(16));
  EXPECT_EQ(grants[3].source, "grants:4");
  EXPECT_EQ(grants[8].text, "systemd:smtp");
  EXPECT_EQ(grants[12].text, "#odd");
  const std::string written = FormatGrants(grants);
  // "domains" counts what has no line: nothing here.
  EXPECT_EQ(absl::StrCat("# What may relay, for postern check --expect: see "
                         "postern-check(8).\n",
                         kText),
            written + "domains 3\n");
}

TEST(GrantsTest, IgnoresCommentsBlanksAndCase) {
  const std::vector<Grant> grants = Parse(
      "# a comment\n"
      "\n"
      " \t\n"
      "  address\t192.0.2.1  # the printer\n"
      "name MX.Example.ORG\n"
      "domain b\xc3\xbc"
      "cher.EXAMPLE\n"
      "users");
  ASSERT_THAT(grants, SizeIs(4));
  EXPECT_EQ(grants[0].source, "grants:4");
  EXPECT_THAT(grants[0].addresses.Texts(), ElementsAre("192.0.2.1"));
  EXPECT_EQ(grants[1].text, "mx.example.org");
  EXPECT_EQ(grants[2].text, "xn--bcher-kva.example");
}

TEST(GrantsTest, AnErrorNamesTheLineAndTheWord) {
  const struct {
    absl::string_view line;
    absl::string_view what;
  } cases[] = {
      {"adress 192.0.2.1", "\"adress\" is not one of the words address, name,"},
      {"address", "\"address\" needs a network, an address or a range"},
      {"address 192.0.2.1/24", "\"192.0.2.1/24\" is not a network"},
      {"address mx.example.org", "\"mx.example.org\" is not a network"},
      {"address 192.0.2.1 192.0.2.2",
       "one \"address\" has one argument: write a line for \"192.0.2.2\""},
      {"name 192.0.2.1", "\"192.0.2.1\" is an address: write \"address\""},
      {"name *.example.org", "is a pattern; a suffix begins with a dot"},
      {"domain *.example.org", "is a pattern; a suffix begins with a dot"},
      {"domain a\\y", "a backslash must begin \\xNN"},
      {"users ann", "nothing may follow \"users\", but there is \"ann\""},
      {"ident joe", "\"joe\" is not USER@ADDRESS"},
      {"domains -1", "\"-1\" is not a number or \"any\""},
      {"domains 99999999999999999999", "is not a number"},
      {"users\r", "carriage return"},
      {"domains 1\ndomains any", "\"domains\" is already in line 2"},
      {"Users", "\"Users\" is not one of the words"},
  };
  for (const auto& each : cases) {
    const auto grants = ParseGrants("dir/f", absl::StrCat("\n", each.line));
    ASSERT_EQ(grants.status().code(), absl::StatusCode::kInvalidArgument)
        << each.line;
    const std::string error(grants.status().message());
    EXPECT_TRUE(absl::StartsWith(error, "dir/f:")) << error;
    EXPECT_TRUE(absl::StrContains(error, each.what)) << error;
  }
}

TEST(GrantsTest, WhatIsDeclaredIsCovered) {
  const struct {
    absl::string_view present;
    absl::string_view declared;
  } cases[] = {
      {"", ""},
      {"users", "users"},
      {"address 192.0.2.0/25", "address 192.0.2.0/24"},
      {"address 192.0.2.0/24", "address 192.0.2.0/25\naddress 192.0.2.128/25"},
      {"name a.b.example", "name .example"},
      {"name .b.example", "name .example"},
      {"name a.b.example", "names"},
      {"proxy 10.0.0.1", "xclient 10.0.0.0/8"},
      {"domain a.example\ndomain .a.example",
       "domain a.example\n"
       "domain .example"},
      {"proxy /s\nxclient /t", "xclient /s\nxclient /t"},
      {"domain a.example\ndomain b.example", "domains 2"},
      {"domain a.example\ndomain b.example", "domain b.example\ndomains 1"},
      {"domain a.example\ndomain .com", "domains any"},
      {"ident joe@192.0.2.1", "ident joe@192.0.2.1"},
      {"everyone\nusers\naddress ::/0\nproxy ::1\ndomain x", "everyone"},
  };
  for (const auto& each : cases) {
    const GrantComparison compared = Compare(each.present, each.declared);
    EXPECT_THAT(compared.growth, IsEmpty()) << each.present;
    EXPECT_THAT(compared.notes, IsEmpty()) << each.present;
  }
}

TEST(GrantsTest, WhatIsNotDeclaredIsListedExactly) {
  const struct {
    absl::string_view present;
    absl::string_view declared;
    absl::string_view growth;
  } cases[] = {
      {"address 198.51.100.0/24", "address 198.51.100.128/25",
       "198.51.100.0/25 may relay by tcp.smtp:14; grants does not declare it"},
      {"users", "names",
       "every user may relay by tcp.smtp:14; grants does not declare it"},
      {"everyone", "address 0.0.0.0/0\naddress ::/0\nusers\nnames",
       "every client may relay by tcp.smtp:14; grants does not declare it"},
      {"address ::/0", "address 0.0.0.0/0",
       "::/0 may relay by tcp.smtp:14; grants does not declare it"},
      {"name .example", "name a.example\nname b.example",
       "clients with a host name below .example may relay by tcp.smtp:14; "
       "grants does not declare it"},
      {"name example", "name .example",
       "the client with the host name example may relay by tcp.smtp:14; "
       "grants does not declare it"},
      {"name xexample", "name example",
       "the client with the host name xexample may relay by tcp.smtp:14; "
       "grants does not declare it"},
      {"names", "name .example",
       "every client with a confirmed host name may relay by tcp.smtp:14; "
       "grants does not declare it"},
      {"xclient 10.0.0.1", "proxy 10.0.0.0/8",
       "10.0.0.1 may name any client address, host name and user by "
       "tcp.smtp:14; grants does not declare it"},
      {"proxy /s\nxclient /t", "xclient /s\nproxy /t",
       "each client of /t may name any client address, host name and user by "
       "tcp.smtp:14; grants does not declare it"},
      {"proxy 10.0.0.1", "address 10.0.0.1",
       "10.0.0.1 may name any client address by tcp.smtp:14; grants does not "
       "declare it"},
      {"ident joe@192.0.2.1", "ident joe@192.0.2.2",
       "the ident name joe@192.0.2.1 may relay by tcp.smtp:14; grants does "
       "not declare it"},
      {"domain a.example", "domain .a.example",
       "recipients at a.example get mail from every client by tcp.smtp:14; "
       "grants does not declare it"},
      {"domain .com", "domains 10",
       "recipients at .com get mail from every client by tcp.smtp:14; grants "
       "does not declare it"},
      {"domain .", "domains 10",
       "recipients at . get mail from every client by tcp.smtp:14; grants "
       "does not declare it"},
      {"domain a.x\ndomain b.x\ndomain c.x", "domain a.x\ndomains 1",
       "2 domains without a line get mail from every client; grants declares "
       "1"},
  };
  for (const auto& each : cases) {
    EXPECT_THAT(Compare(each.present, each.declared).growth,
                ElementsAre(each.growth))
        << each.present;
  }
}

TEST(GrantsTest, AGrantWithoutAUserIsANote) {
  const GrantComparison compared =
      Compare("address 192.0.2.1\ndomain a.example",
              "address 192.0.2.0/24\n"
              "address 198.51.100.0/24\n"
              "users\n"
              "name .example\n"
              "names\n"
              "proxy ::1\n"
              "xclient /s\n"
              "domain a.example\n"
              "domain b.example\n"
              "domains 9\n");
  EXPECT_THAT(compared.growth, IsEmpty());
  EXPECT_THAT(
      compared.notes,
      ElementsAre("grants:2: address 198.51.100.0/24: no rule uses this grant",
                  "grants:3: users: no rule uses this grant",
                  "grants:4: name .example: no rule uses this grant",
                  "grants:5: names: no rule uses this grant",
                  "grants:6: proxy ::1: no rule uses this grant",
                  "grants:7: xclient /s: no rule uses this grant",
                  "grants:9: domain b.example: this domain is not listed"));
  EXPECT_THAT(Compare("", "everyone").notes, SizeIs(1));
}

TEST(GrantsTest, ThePresentGrantsCoverThemselves) {
  std::string many;
  for (int i = 0; i < 3000; ++i) absl::StrAppend(&many, "domain d", i, ".x\n");
  const std::string texts[] = {
      "users\naddress 192.0.2.0/24\nname .example\nname a.example\n",
      "everyone\n",
      many,
      many + "domain .com\n",  // not one of "domains N"
      many + "domain .x\n",
      "domain \\x2a.example\ndomain a\\x20b\ndomain \\xff\n",
  };
  for (const std::string& text : texts) {
    const std::string written = FormatGrants(Parse(text));
    const GrantComparison compared = Compare(text, written);
    EXPECT_THAT(compared.growth, IsEmpty()) << written;
    EXPECT_THAT(compared.notes, IsEmpty()) << written;
    EXPECT_LT(written.size(), 2000u);
  }
}

TEST(GrantsTest, AListOfManyDomainsStaysReadable) {
  std::string many;
  for (int i = 0; i < 3000; ++i) absl::StrAppend(&many, "domain d", i, ".x\n");
  EXPECT_THAT(Compare(many, "").growth, SizeIs(21));
  EXPECT_THAT(Compare("", many).notes, SizeIs(21));
}

}  // namespace
}  // namespace postern::programs
