// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/host_list.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/control_folder.h"

namespace postern::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LineSet Lines(std::vector<Line> lines) {
  return LineSet("/c/rcpthosts", std::move(lines));
}

TEST(HostListTest, MatchesDomainsAndTheEndsThatBeginWithADot) {
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
      {"a.b.sub.example", 11},  // the longest end first
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

TEST(HostListTest, AsksTheDatabaseAfterTheLines) {
  ControlFolder folder;
  folder.WriteCdb("more.cdb", {{"more.example", ""},
                               {".deep.example", ""},
                               {"both.example", ""},
                               {"Upper.Example", ""}});
  absl::StatusOr<Cdb> cdb = Cdb::Open(folder.File("more.cdb"));
  ASSERT_TRUE(cdb.ok());
  const HostList list(Lines({{"both.example", 1}, {".example", 2}}),
                      *std::move(cdb));
  const HostList none;
  const std::string key = folder.File("more.cdb") + " key ";
  const struct {
    absl::string_view domain;
    std::string source;
  } cases[] = {
      {"both.example", "/c/rcpthosts:1"},
      // A short end among the lines comes before the whole in the database.
      {"more.example", "/c/rcpthosts:2"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ((*list.Find(c.domain))->source, c.source);
    EXPECT_EQ(*none.Find(c.domain), std::nullopt);
  }

  absl::StatusOr<Cdb> again = Cdb::Open(folder.File("more.cdb"));
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
      {"upper.example", ""},  // keys are compared as they are
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

TEST(HostListTest, DamagedDatabaseIsAnErrorAndNoMatch) {
  ControlFolder folder;
  folder.WriteCdb("more.cdb", {{"more.example", ""}});
  absl::StatusOr<Cdb> cdb = Cdb::Open(folder.File("more.cdb"));
  ASSERT_TRUE(cdb.ok());
  const HostList list(Lines({{"local.example", 1}}), *std::move(cdb));
  ASSERT_EQ(truncate(folder.File("more.cdb").c_str(), 2048), 0);
  EXPECT_EQ(list.Find("more.example").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(list.Find("local.example").ok());  // not asked
}

TEST(HostListTest, WarnsOfEntriesThatCannotMatch) {
  EXPECT_THAT(CheckHostLines("/c/rcpthosts", {{"a-b_c.example", 1},
                                              {".sub.example", 2},
                                              {"[192.0.2.1]", 3},
                                              {"[IPv6:2001:db8::1]", 4},
                                              {"cr.example\r", 5},
                                              {" space.example", 6}}),
              IsEmpty());
  for (absl::string_view entry :
       {"u@example.org", "@example.org", "*.example.org", "192.0.2.0/24",
        "example.org # ours", "ex\xc3\xa4mple.org", "a,b"}) {
    EXPECT_THAT(CheckHostLines("/c/rcpthosts",
                               {{"ok.example", 1}, {std::string(entry), 4}}),
                ElementsAre("/c/rcpthosts:4: the entry is no domain and can "
                            "never match (a domain itself, or its subdomains "
                            "with a dot in front)."));
  }
}

}  // namespace
}  // namespace postern::policy
