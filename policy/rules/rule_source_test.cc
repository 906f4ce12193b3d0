// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/rule_source.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/cdb_writer.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

class RuleSourceTest : public testing::Test {
 protected:
  // Makes tcp.smtp.cdb of `text` and opens it.
  TcpRules Compile(absl::string_view text,
                   TcpNetworks networks = TcpNetworks::kLiteral) {
    auto parsed = ParseTcpRules("text", text, networks);
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    std::vector<files::CdbRecord> records;
    for (TcpRule& rule : parsed->rules) {
      records.emplace_back(std::move(rule.key), std::move(rule.record));
    }
    EXPECT_TRUE(files::ReplaceCdb(database_, records).ok());
    auto rules = TcpRules::Open(database_);
    EXPECT_TRUE(rules.ok()) << rules.status();
    return *std::move(rules);
  }
  RuleSource Read(const TcpRules& rules, absl::string_view text) {
    directory_.Write("tcp.smtp", text);
    return RuleSource::Read(rules);
  }

  files::TestDirectory directory_;
  const std::string text_ = directory_.File("tcp.smtp");
  const std::string database_ = directory_.File("tcp.smtp.cdb");
};

constexpr absl::string_view kText =
    "# relays\n10.0-1.:allow,RELAYCLIENT=\"\"\n10.1.:deny\n:allow\n";

TEST_F(RuleSourceTest, RulesHaveTheLinesOfTheirText) {
  const RuleSource source = Read(Compile(kText), kText);
  EXPECT_TRUE(source.has_lines());
  EXPECT_EQ(source.warning(), "");
  EXPECT_EQ(source.Place("10.0."), text_ + ":2");
  EXPECT_EQ(source.Place("10.1."), text_ + ":2");  // the first one counts
  EXPECT_EQ(source.Place(""), text_ + ":4");
}

TEST_F(RuleSourceTest, NetworksHaveTheLinesOfTheirText) {
  constexpr absl::string_view kNetworks =
      "10.0.0.0/15:deny\n10.1.2.0/31:allow\n";
  const RuleSource source =
      Read(Compile(kNetworks, TcpNetworks::kExpanded), kNetworks);
  EXPECT_EQ(source.warning(), "");
  EXPECT_EQ(source.Place("10.1."), text_ + ":1");
  EXPECT_EQ(source.Place("10.1.2.1"), text_ + ":2");
}

TEST_F(RuleSourceTest, DatabaseOfAnotherTextHasNoLines) {
  const TcpRules rules = Compile(kText);
  for (const absl::string_view text :
       {absl::string_view("10.0-1.:allow\n10.1.:deny\n:allow\n"),
        absl::string_view("10.0-1.:allow,RELAYCLIENT=\"\"\n"),
        absl::string_view(":allow\n10.0-1.:allow,RELAYCLIENT=\"\"\n"),
        absl::string_view("")}) {
    const RuleSource source = Read(rules, text);
    EXPECT_FALSE(source.has_lines());
    EXPECT_EQ(source.warning(),
              absl::StrCat(database_, " was not made from ", text_,
                           " as it is now. The answer is that of the "
                           "database."));
    EXPECT_EQ(source.Place("10.0."), absl::StrCat(database_, " key \"10.0.\""));
  }
}

TEST_F(RuleSourceTest, TextWithAnErrorIsReported) {
  const RuleSource source = Read(Compile(kText), "10.:alow\n");
  EXPECT_FALSE(source.has_lines());
  EXPECT_TRUE(absl::StrContains(source.warning(), text_ + ":1:4: "))
      << source.warning();
}

TEST_F(RuleSourceTest, TextMayBeMissingUnlessItIsNamed) {
  const TcpRules rules = Compile(kText);
  EXPECT_FALSE(RuleSource::Read(rules).has_lines());
  EXPECT_EQ(RuleSource::Read(rules).warning(), "");
  const std::string other = directory_.File("other");
  EXPECT_TRUE(
      absl::StrContains(RuleSource::Read(rules, other).warning(), other));
  directory_.Write("other", kText);
  EXPECT_EQ(RuleSource::Read(rules, other).Place(""), other + ":4");
}

}  // namespace
}  // namespace postern::policy
