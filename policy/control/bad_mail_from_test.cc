// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/bad_mail_from.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(BadMailFromTest, MatchesAddressesAndTheirDomains) {
  const LineSet list("/c/b", {{"a@x.example", 1}, {"@Y.Example", 2}, {"r", 3}});
  EXPECT_EQ(FindAddress(list, {"A", "X.example"}), "/c/b:1");
  EXPECT_EQ(FindAddress(list, {"b", "y.example"}), "/c/b:2");
  EXPECT_EQ(FindAddress(list, {"b", "z.y.example"}), std::nullopt);
  EXPECT_EQ(FindAddress(list, {"r", ""}), "/c/b:3");
  EXPECT_EQ(FindAddress(list, {}), std::nullopt);
}

TEST(BadMailFromTest, ADomainInUtf8AndItsFormInXnAreOneName) {
  const LineSet list("/c/b", {{"a@xn--bcher-kva.example", 1},
                              {"@xn--bcher-kva.example", 2},
                              {"@m\u00fcller.example", 3},
                              {"gr\u00f6\u00dfe", 4}});
  EXPECT_EQ(FindAddress(list, {"A", "B\u00fccher.example"}), "/c/b:1");
  EXPECT_EQ(FindAddress(list, {"b", "b\u00fccher.example"}), "/c/b:2");
  EXPECT_EQ(FindAddress(list, {"\u00fc", "xn--mller-kva.example"}), "/c/b:3");
  EXPECT_EQ(FindAddress(list, {"\u00fc", "m\u00fcller.example"}), "/c/b:3");
  EXPECT_EQ(FindAddress(list, {"gr\u00f6\u00dfe", ""}), "/c/b:4");
  EXPECT_EQ(FindAddress(list, {"b", "mu\u0308ller.example"}), std::nullopt);
}

TEST(BadMailFromTest, WarnsAboutEntriesThatProbablyMatchNothing) {
  const struct {
    std::string text;
    std::string warning;  // empty: no warning
  } cases[] = {
      {"a@x.example", ""},
      {"@x.example", ""},
      {"\"a b\"@x.example", ""},
      {"@[192.0.2.1]", ""},
      {"*@x.example", "(write a regular expression into /c/bpatterns;"},
      {"!@x.example", "matches only itself"},
      {".*@x\\.example", "matches only itself"},
      {"^a@x.example$", "matches only itself"},
      {"a|b@x.example", "matches only itself"},
      {"~x.example", "matches only itself"},
      {"?a@x.example", "matches only itself"},
      {"@x.example-", "matches only itself"},
      {"@x.example+", "matches only itself"},
      {"@*.x.example", "matches only itself"},
      {"@.x.example", "begins with a dot"},
      {"x.example", "has no '@'"},
      {".x.example", "has no '@'"},
      {"a@", "no domain after its '@'"},
      {"<a@x.example>", "a blank or a bracket"},
      {"a@x.example # spam", "a blank or a bracket"},
  };
  for (const auto& c : cases) {
    const auto warnings = CheckBadAddressLines("/c/b", {{c.text, 4}});
    if (c.warning.empty()) {
      EXPECT_THAT(warnings, IsEmpty()) << c.text;
    } else {
      EXPECT_THAT(warnings, ElementsAre(AllOf(StartsWith("/c/b:4: the entry"),
                                              HasSubstr(c.warning))))
          << c.text;
    }
  }
}

}  // namespace
}  // namespace postern::policy
