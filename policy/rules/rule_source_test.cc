// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/rule_source.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "files/cdb_writer.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using State = RuleSource::State;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

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
  EXPECT_EQ(source.state(), State::kSame);
  EXPECT_EQ(source.Warning(), "");
  EXPECT_TRUE(source.HasLine(""));
  EXPECT_EQ(source.Place("10.0."), text_ + ":2");
  EXPECT_EQ(source.Place("10.1."), text_ + ":2");  // the first one counts
  EXPECT_EQ(source.Place(""), text_ + ":4");
}

TEST_F(RuleSourceTest, NetworksHaveTheLinesOfTheirText) {
  constexpr absl::string_view kNetworks =
      "10.0.0.0/15:deny\n10.1.2.0/31:allow\n";
  const RuleSource source =
      Read(Compile(kNetworks, TcpNetworks::kExpanded), kNetworks);
  EXPECT_EQ(source.Warning(), "");
  EXPECT_THAT(source.text_warnings(), IsEmpty());
  EXPECT_EQ(source.Place("10.1."), text_ + ":1");
  EXPECT_EQ(source.Place("10.1.2.1"), text_ + ":2");
}

TEST_F(RuleSourceTest, TheOrderOfDifferentKeysDoesNotMatter) {
  const RuleSource source =
      Read(Compile(kText), ":allow\n10.0-1.:allow,RELAYCLIENT=\"\"\n");
  EXPECT_EQ(source.state(), State::kSame);
  EXPECT_EQ(source.Place("10.0."), text_ + ":2");
}

TEST_F(RuleSourceTest, RulesThatDifferHaveNoLines) {
  const TcpRules rules = Compile(kText);
  for (const auto& [text, line] : {
           std::pair("10.0-1.:allow\n:allow\n", text_ + ":2"),
           std::pair("10.1.:deny\n10.0-1.:allow,RELAYCLIENT=\"\"\n:allow\n",
                     text_ + ":3"),
           std::pair("10.0-1.:allow,RELAYCLIENT=\"\"\n:allow\n::1:deny\n",
                     text_ + ":2"),
           std::pair("", database_ + " key \"\""),
       }) {
    const RuleSource source = Read(rules, text);
    EXPECT_EQ(source.state(), State::kDiffers) << text;
    EXPECT_EQ(source.Warning(),
              absl::StrCat(database_, " was not made from ", text_,
                           " as it is now. Servers use the database."));
    EXPECT_EQ(source.Place(""), line) << text;
  }
  const RuleSource source = Read(rules, "10.0-1.:allow\n:allow\n");
  EXPECT_FALSE(source.HasLine("10.0."));
  EXPECT_EQ(source.Place("10.0."), absl::StrCat(database_, " key \"10.0.\""));
  EXPECT_EQ(source.Place("a\n"), absl::StrCat(database_, " key \"a\\n\""));
}

TEST_F(RuleSourceTest, TextWithAnErrorIsReported) {
  const RuleSource source = Read(Compile(kText), "10.:alow\n");
  EXPECT_EQ(source.state(), State::kInvalid);
  EXPECT_FALSE(source.HasLine("10.0."));
  EXPECT_THAT(source.error(), StartsWith(text_ + ":1:4: "));
  EXPECT_EQ(source.Warning(),
            absl::StrCat(database_, " was not made from ", text_,
                         " as it is now. Servers use the database; the text "
                         "has an error: ",
                         source.error()));
}

TEST_F(RuleSourceTest, TextMayBeMissingUnlessItIsNamed) {
  const TcpRules rules = Compile(kText);
  EXPECT_EQ(RuleSource::Read(rules).state(), State::kNoText);
  EXPECT_EQ(RuleSource::Read(rules).Warning(), "");
  EXPECT_EQ(RuleSource::Read(rules).Place("10.0."),
            absl::StrCat(database_, " key \"10.0.\""));
  const std::string other = directory_.File("other");
  const RuleSource missing = RuleSource::Read(rules, other);
  EXPECT_EQ(missing.state(), State::kUnreadable);
  EXPECT_THAT(missing.Warning(), HasSubstr(other));
  directory_.Write("other", kText);
  EXPECT_EQ(RuleSource::Read(rules, other).Place(""), other + ":4");
}

TEST_F(RuleSourceTest, HasTheWarningsOfItsText) {
  const RuleSource source =
      Read(Compile(":allow\n"), "192.0.2.0/24:deny\n:allow\n");
  EXPECT_EQ(source.state(), State::kDiffers);
  EXPECT_THAT(source.text_warnings(), IsEmpty());
  constexpr absl::string_view kBlank = "192.0.2.1 :deny\n:allow\n";
  EXPECT_THAT(Read(Compile(kBlank), kBlank).text_warnings(),
              ElementsAre(StartsWith(text_ + ":1: ")));
}

}  // namespace
}  // namespace postern::policy
