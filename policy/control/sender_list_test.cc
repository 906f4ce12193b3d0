// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/sender_list.h"

#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using Lines = std::vector<Line>;

bool Allows(const SenderList& list, absl::string_view user,
            const Path& sender) {
  const absl::StatusOr<bool> allowed = list.Allows(user, sender);
  EXPECT_TRUE(allowed.ok()) << allowed.status();
  return allowed.ok() && *allowed;
}

constexpr absl::string_view kEntries[] = {"ann@X.example info@x.example",
                                          "@y.EXAMPLE\t \tann",
                                          "@y.example:\r @odd@z.example"};

// The same entries have the same effect in lines and in a database.
TEST(SenderListTest, UsersMayUseTheListedSenders) {
  Lines lines = {{"carl", 1}, {":carl@x.example", 2}, {"bob:", 3}};
  for (absl::string_view each : kEntries) {
    lines.push_back({absl::StrCat("ann:", each), 4});
  }
  lines.push_back({"b:c:d@x.example", 7});
  files::TestDirectory directory;
  directory.WriteCdb(
      "senders.cdb",
      {{"ann", absl::StrCat(kEntries[0], " ", kEntries[1], "\t", kEntries[2])},
       {"ann", "second@x.example"},
       {"b", "c:d@x.example"},
       {"bob", ""}});
  absl::StatusOr<files::Cdb> database =
      files::Cdb::Open(directory.File("senders.cdb"));
  ASSERT_TRUE(database.ok()) << database.status();
  std::optional<files::Cdb> more;
  more.emplace(*std::move(database));
  const SenderList lists[] = {SenderList(lines, std::nullopt),
                              SenderList({}, std::move(more))};
  const struct {
    absl::string_view user;
    Path sender;
    bool allowed;
  } cases[] = {
      {"ann", {"ann", "x.example"}, true},
      {"ann", {"ann", "X.EXAMPLE"}, true},
      {"ann", {"Ann", "x.example"}, false},
      {"ann", {"info", "x.example"}, true},
      {"ann", {"bob", "x.example"}, false},
      {"ann", {"ann", "sub.x.example"}, false},
      {"ann", {"ann", "x.example."}, false},
      {"ann", {"ann", "x.exampl"}, false},
      {"ann", {"nn", "x.example"}, false},
      {"ann", {"anyone", "y.example"}, true},
      {"ann", {"anyone", "Y.example"}, true},
      {"ann", {"anyone", "sub.y.example"}, false},
      {"ann", {"anyone", "xy.example"}, false},
      {"ann", {"a@y.example", "x.example"}, false},
      {"ann", {"ann@x.example", "evil"}, false},
      {"ann", {"ann", ""}, true},  // a local name
      {"ann", {"info", ""}, false},
      {"ann", {"@y.example", ""}, false},
      {"ann", {"@odd", "z.example"}, true},  // an entry with two '@'
      {"ann", {"odd", "z.example"}, false},
      {"ann", {"second", "x.example"}, false},
      {"Ann", {"ann", "x.example"}, false},
      {"an", {"ann", "x.example"}, false},
      {"", {"carl", "x.example"}, false},
      {"carl", {"carl", "x.example"}, false},
      {"bob", {"bob", "x.example"}, false},
      {"b", {"c:d", "x.example"}, true},
      {"b:c", {"d", "x.example"}, false},
      {"b", {"d", "x.example"}, false},
      // Senders that every user may use.
      {"bob", {}, true},
      {"eve", {}, true},
      {"eve@x.example", {"eve", "x.example"}, true},
      {"eve@x.example", {"eve", "X.Example"}, true},
      {"eve@X.Example", {"eve", "x.example"}, true},
      {"Eve@x.example", {"eve", "x.example"}, false},
      {"eve@x.example", {"bob", "x.example"}, false},
      {"eve@x.example", {"eve", "sub.x.example"}, false},
      {"eve@x.example@evil", {"eve", "x.example"}, false},
      {"eve", {"eve", ""}, false},
  };
  for (const SenderList& list : lists) {
    SCOPED_TRACE(&list == lists ? "lines" : "database");
    for (const auto& c : cases) {
      EXPECT_EQ(Allows(list, c.user, c.sender), c.allowed)
          << std::string(c.user) << " " << FormatPath(c.sender);
    }
  }
}

TEST(SenderListTest, ADomainInUtf8AndItsFormInXnAreOneName) {
  const SenderList list({{"ann:\u00e4@xn--bcher-kva.example", 1},
                         {"ann:@m\u00fcller.example", 2}},
                        std::nullopt);
  EXPECT_TRUE(Allows(list, "ann", {"\u00e4", "b\u00fccher.example"}));
  EXPECT_TRUE(Allows(list, "ann", {"\u00e4", "xn--bcher-kva.example"}));
  EXPECT_FALSE(Allows(list, "ann", {"\u00c4", "b\u00fccher.example"}));
  EXPECT_FALSE(Allows(list, "ann", {"\u00e4", "b\u00dccher.example"}));
  EXPECT_TRUE(Allows(list, "ann", {"x", "xn--mller-kva.example"}));
  EXPECT_TRUE(Allows(list, "u@b\u00fccher.x", {"u", "xn--bcher-kva.x"}));
  EXPECT_FALSE(Allows(list, "u@", {"u", ""}));
}

TEST(SenderListTest, AnAnswerNeedsTheDatabaseWhereLinesHaveNone) {
  files::TestDirectory directory;
  directory.WriteCdb("senders.cdb", {{"ann", "ann@y.example"}});
  absl::StatusOr<files::Cdb> database =
      files::Cdb::Open(directory.File("senders.cdb"));
  ASSERT_TRUE(database.ok()) << database.status();
  std::optional<files::Cdb> more;
  more.emplace(*std::move(database));
  const SenderList list({{"ann:ann@x.example", 1}}, std::move(more));
  EXPECT_TRUE(Allows(list, "ann", {"ann", "y.example"}));
  // Like a disk that fails: no record of the file can be read.
  ASSERT_EQ(truncate(directory.File("senders.cdb").c_str(), 2048), 0);
  EXPECT_TRUE(Allows(list, "ann", {"ann", "x.example"}));
  EXPECT_TRUE(Allows(list, "ann@z.example", {"ann", "z.example"}));
  EXPECT_TRUE(Allows(list, "ann", {}));
  EXPECT_FALSE(list.Allows("ann", {"ann", "y.example"}).ok());
}

TEST(SenderListTest, WarnsAboutEntriesWithoutEffect) {
  const struct {
    absl::string_view line;
    absl::string_view warning = "";  // empty: no warning
  } cases[] = {
      {"ann:ann@x.example"},
      {"ann: ann@x.example\t@y.example"},
      {"ann:ann"},
      {"ann", "not of the form"},
      {"ann ann@x.example", "not of the form"},
      {":ann@x.example", "not of the form"},
      {"ann:", "not of the form"},
      {"ann: \t", "not of the form"},
      {"ann:ann@", "without a domain"},
      {"ann:ann@x.example @", "without a domain"},
      {"ann:@.x.example", "begins with a dot"},
      {"ann:*@x.example", "matches only itself"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.line));
    const std::vector<std::string> warnings = CheckSenderLines(
        "/c/senders",
        {{"a:b", 1}, {std::string(c.line), 5}, {std::string(c.line), 7}});
    ASSERT_EQ(warnings.size(), c.warning.empty() ? 0u : 1u);
    if (c.warning.empty()) continue;
    EXPECT_TRUE(absl::StartsWith(warnings[0], "/c/senders:5: "));
    EXPECT_TRUE(absl::StrContains(warnings[0], c.warning)) << warnings[0];
    EXPECT_TRUE(absl::StrContains(warnings[0], "1 more")) << warnings[0];
  }
}

}  // namespace
}  // namespace postern::policy
