// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/host_list.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

LineSet Lines(std::vector<Line> lines) {
  return LineSet("/c/rcpthosts", std::move(lines));
}

TEST(HostListTest, MatchesDomainsAndSuffixesThatBeginWithADot) {
  const HostList list(Lines({{"local.example", 2},
                             {".sub.example", 3},
                             {"UPPER.Example", 5},
                             {"[192.0.2.55]", 6},
                             {"crlf.example\r", 7},
                             {" space.example", 8},
                             {"*.star.example", 9},
                             {"@at.example", 10},
                             {".b.sub.example", 11}}),
                      std::nullopt);
  const struct {
    absl::string_view domain;
    int line;  // 0: no match
  } cases[] = {
      {"local.example", 2},
      {"LOCAL.Example", 2},  // qmail-smtpd behaviour 1
      {"upper.example", 5},
      {"sub.example", 0},  // qmail-smtpd behaviour 2
      {"a.sub.example", 3},
      {"a.b.sub.example", 11},  // the longest suffix is first
      {"A.C.Sub.Example", 3},
      {".sub.example", 3},
      {"asub.example", 0},
      {"a.local.example", 0},
      {"local.example.", 0},  // qmail-smtpd behaviour 8
      {"a.sub.example.", 0},
      {"local.example.evil", 0},
      {"evil-local.example", 0},
      {"example", 0},
      {"", 0},  // qmail-smtpd behaviour 9
      {".", 0},
      {"[192.0.2.55]", 6},
      {"[192.0.2.56]", 0},
      {"crlf.example", 0},  // qmail-smtpd behaviour 23
      {"space.example", 0},
      {"a.star.example", 0},
      {"at.example", 0},
      {absl::string_view("local.example\0", 14), 0},
      {absl::string_view("local.example\0.evil", 19), 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.domain));
    const auto match = list.Find(c.domain);
    ASSERT_TRUE(match.ok()) << match.status();
    ASSERT_EQ(match->has_value(), c.line != 0);
    if (c.line == 0) continue;
    EXPECT_EQ((*match)->in, HostList::Match::In::kLines);
    EXPECT_EQ((*match)->source, "/c/rcpthosts:" + std::to_string(c.line));
  }
}

// "b\xc3\xbc" "cher" is a word with a u umlaut.
TEST(HostListTest, ADomainInUtf8AndItsFormInXnAreOneName) {
  files::TestDirectory directory;
  directory.WriteCdb("more.cdb",
                     {{"xn--mh-via.example", ""}, {"x\xc3\xa4.example", ""}});
  absl::StatusOr<files::Cdb> cdb = files::Cdb::Open(directory.File("more.cdb"));
  ASSERT_TRUE(cdb.ok());
  const HostList list(Lines({{"local.example", 1},
                             {".sub.example", 2},
                             {"B\xc3\xbc"
                              "cher.example",
                              3},
                             {".\xc3\xa4.example", 4},
                             {"kiss.example", 5},
                             {"xn--mller-kva.example", 6}}),
                      *std::move(cdb));
  const struct {
    absl::string_view domain;
    absl::string_view source;  // after "rcpthosts:" or "key "; empty: no match
  } cases[] = {
      {"b\xc3\xbc"
       "cher.example",
       "3"},
      {"B\xc3\xbc"
       "CHER.Example",
       "3"},  // ASCII letters, in either case
      {"b\xc3\x9c"
       "cher.example",
       ""},  // an upper-case letter that is not ASCII
      {"bu\xcc\x88"
       "cher.example",
       ""},  // u and a combining diaeresis
      {"b\xfc"
       "cher.example",
       ""},  // ISO 8859-1
      {"b\xc3\xbc"
       "cher.example.",
       ""},
      {"x.b\xc3\xbc"
       "cher.example",
       ""},
      {"bcher.example", ""},
      {"b?cher.example", ""},
      {"xn--bcher-kva.example", "3"},
      {"XN--BCHER-KVA.example", "3"},
      {"m\xc3\xbcller.example", "6"},
      {"M\xc3\xbcLLER.example", "6"},
      {"mu\xcc\x88ller.example", ""},  // u and a combining diaeresis
      {"m\xc3\x9cller.example", ""},   // a capital, and no ASCII
      {"x.m\xc3\xbcller.example", ""},
      {"x.xn--4ca.example", "4"},
      {"xn--4ca.example", ""},
      {"XN--mller-kva.example", "6"},
      {"x.\xc3\xa4.example", "4"},
      {"X.Y.\xc3\xa4.EXAMPLE", "4"},
      {"\xc3\xa4.example", ""},
      {"x.\xc3\x84.example", ""},
      {"m\xc3\xa4h.example", "xn--mh-via.example"},
      {"M\xc3\xa4H.example", "xn--mh-via.example"},
      {"x\xc3\xa4.example", ""},  // the database has it in UTF-8
      {"xn--x-0fa.example", ""},
      {"m\xc3\x84h.example", ""},
      // Domains that look like a listed domain, or that other software maps to
      // one.
      {"l\xd0\xbe"
       "cal.example",
       ""},                              // Cyrillic o
      {"\xef\xbd\x8cocal.example", ""},  // full width l
      {"local\xe3\x80\x82"
       "example",
       ""},  // ideographic full stop
      {"local\xef\xbc\x8e"
       "example",
       ""},                              // full width full stop
      {"x\xe3\x80\x82sub.example", ""},  // the same before a suffix
      {"\xe2\x84\xaaiss.example", ""},   // Kelvin sign
      {"k\xc4\xb1ss.example", ""},       // dotless i
      {"ki\xc3\x9f.example", ""},        // sharp s
      {"lo\xc2\xad"
       "cal.example",
       ""},                               // soft hyphen
      {"local.example\xe2\x80\x8b", ""},  // zero width space
      {"\xef\xbb\xbflocal.example", ""},  // byte order mark
      // Bytes that are not UTF-8.
      {"\xc1\xacocal.example", ""},      // overlong l
      {"x\xc0\xaesub.example", ""},      // overlong dot
      {"x\xe0\x80\xaesub.example", ""},  // another overlong dot
      {"\xec"
       "local.example",
       ""},
      {"local.example\x80", ""},
      {"x\xff.sub.example", "2"},  // a suffix matches after any bytes
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.domain));
    const auto match = list.Find(c.domain);
    ASSERT_TRUE(match.ok()) << match.status();
    ASSERT_EQ(match->has_value(), !c.source.empty());
    if (c.source.empty()) continue;
    EXPECT_TRUE(absl::EndsWith((*match)->source, c.source)) << (*match)->source;
  }
}

TEST(HostListTest, ReadsTheDatabaseAfterTheLines) {
  files::TestDirectory directory;
  directory.WriteCdb("more.cdb", {{"more.example", ""},
                                  {".deep.example", ""},
                                  {"both.example", ""},
                                  {"Upper.Example", ""}});
  absl::StatusOr<files::Cdb> cdb = files::Cdb::Open(directory.File("more.cdb"));
  ASSERT_TRUE(cdb.ok());
  const HostList list(Lines({{"both.example", 1}, {".example", 2}}),
                      *std::move(cdb));
  const HostList none;
  const std::string key = directory.File("more.cdb") + " key ";
  const struct {
    absl::string_view domain;
    std::string source;
  } cases[] = {
      {"both.example", "/c/rcpthosts:1"},
      // A short suffix in the lines precedes the whole domain in the database.
      {"more.example", "/c/rcpthosts:2"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ((*list.Find(c.domain))->source, c.source);
    EXPECT_EQ(*none.Find(c.domain), std::nullopt);
  }

  absl::StatusOr<files::Cdb> again =
      files::Cdb::Open(directory.File("more.cdb"));
  ASSERT_TRUE(again.ok());
  const HostList other(Lines({}), *std::move(again));
  const struct {
    absl::string_view domain;
    absl::string_view key;  // empty: no match
  } database[] = {
      {"more.example", "more.example"},  // qmail-smtpd behaviour 24
      {"More.EXAMPLE", "more.example"},
      {"x.more.example", ""},
      {"deep.example", ""},
      {"a.b.deep.example", ".deep.example"},
      {"upper.example", ""},  // keys are compared byte by byte
      {"more.example.", ""},
      {"", ""},
  };
  for (const auto& c : database) {
    SCOPED_TRACE(std::string(c.domain));
    const auto match = other.Find(c.domain);
    ASSERT_TRUE(match.ok()) << match.status();
    ASSERT_EQ(match->has_value(), !c.key.empty());
    if (c.key.empty()) continue;
    EXPECT_EQ((*match)->in, HostList::Match::In::kDatabase);
    EXPECT_EQ((*match)->source, key + std::string(c.key));
  }
}

TEST(HostListTest, DamagedDatabaseIsAnError) {
  files::TestDirectory directory;
  directory.WriteCdb("more.cdb", {{"more.example", ""}});
  absl::StatusOr<files::Cdb> cdb = files::Cdb::Open(directory.File("more.cdb"));
  ASSERT_TRUE(cdb.ok());
  const HostList list(Lines({{"local.example", 1}}), *std::move(cdb));
  ASSERT_EQ(truncate(directory.File("more.cdb").c_str(), 2048), 0);
  EXPECT_EQ(list.Find("more.example").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(list.Find("local.example").ok());  // the database is not read
}

TEST(HostListTest, WarnsAboutEntriesThatCannotMatch) {
  EXPECT_THAT(CheckHostLines("/c/rcpthosts", {{"a-b_c.example", 1},
                                              {".sub.example", 2},
                                              {"[192.0.2.1]", 3},
                                              {"[IPv6:2001:db8::1]", 4},
                                              {"cr.example\r", 5},
                                              {" space.example", 6}}),
              IsEmpty());
  for (absl::string_view entry :
       {"u@example.org", "@example.org", "*.example.org", "192.0.2.0/24",
        "example.org # ours", "\xc3\xa4@example.org", "a,b"}) {
    EXPECT_THAT(
        CheckHostLines("/c/rcpthosts",
                       {{"ok.example", 1}, {std::string(entry), 4}}),
        ElementsAre("/c/rcpthosts:4: the entry is not a domain and can "
                    "never match (write a domain, or a dot and a domain "
                    "for its subdomains)."));
  }
}

TEST(HostListTest, WarnsAboutRoutesAndIncompleteLiterals) {
  for (absl::string_view entry :
       {"local.example:mail.local.example", ":mail.example",
        "[IPv6:2001:db8::1", "2001:db8::1"}) {
    EXPECT_THAT(CheckHostLines("/c/rcpthosts", {{std::string(entry), 4}}),
                ElementsAre("/c/rcpthosts:4: the entry contains a ':' and can "
                            "never match: write only the domain; the next hop "
                            "of its mail belongs in smtproutes."))
        << entry;
  }
  for (absl::string_view entry : {"[192.0.2.1", "192.0.2.1]", "x[1]", "[]"}) {
    EXPECT_EQ(CheckHostLines("/c/rcpthosts", {{std::string(entry), 4}}).size(),
              1u)
        << entry;
  }
}

TEST(HostListTest, WarnsAboutKeysThatCannotMatch) {
  files::TestDirectory directory;
  const auto check = [&directory](const std::vector<absl::string_view>& keys) {
    std::vector<std::pair<std::string, std::string>> records;
    for (const absl::string_view key : keys) {
      records.emplace_back(std::string(key), "");
    }
    directory.WriteCdb("more.cdb", records);
    const auto database = files::Cdb::Open(directory.File("more.cdb"));
    EXPECT_TRUE(database.ok()) << database.status();
    auto warnings = CheckHostKeys(*database);
    EXPECT_TRUE(warnings.ok()) << warnings.status();
    const std::string prefix = directory.File("more.cdb") + ": ";
    for (std::string& warning : *warnings) {
      EXPECT_TRUE(absl::StartsWith(warning, prefix)) << warning;
      warning.erase(0, prefix.size());
    }
    return *std::move(warnings);
  };
  EXPECT_THAT(check({"a.example", ".b.example", "[192.0.2.1]", "c_d.example"}),
              IsEmpty());
  const struct {
    absl::string_view key;
    absl::string_view warning;
  } rows[] = {
      {"A.example", "key A.example: the entry contains an upper-case"},
      {"a.example ", "key a.example : the entry is not a domain"},
      {" a.example", "key  a.example: the entry is not a domain"},
      {"a.example\r", "key a.example\\r: the entry is not a domain"},
      {"a.example:mx", "key a.example:mx: the entry contains a ':'"},
      {"@a.example", "key @a.example: the entry is not a domain"},
      {"", "key \"\": an empty key can never match"},
      {".", "key .: a single dot"},
      {"b\xc3\xbcro.example", "key b\\xc3\\xbcro.example: the entry is not"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(check({"a.example", row.key}),
                ElementsAre(StartsWith(std::string(row.warning))));
  }
  EXPECT_THAT(check({"A", "B", "C", "d e"}),
              ElementsAre(StartsWith("key d e: "),
                          AllOf(StartsWith("key A: "),
                                HasSubstr("(and 2 more like it)"))));
}

TEST(HostListTest, WarnsAboutEntriesThatAreNotText) {
  EXPECT_THAT(
      CheckHostLines("/c/rcpthosts", {{"ok.example", 1},
                                      {"ex\xc3\xa4mple.org", 2},
                                      {".\xe4.example\r", 3}}),
      ElementsAre("/c/rcpthosts:3: the entry is not ASCII and can never match: "
                  "domains are looked up in their xn-- form."));
}

}  // namespace
}  // namespace postern::policy
