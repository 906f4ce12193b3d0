// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/alias_list.h"

#include <unistd.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "files/cdb.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using Records = files::TestDirectory::Records;

class AliasListTest : public testing::Test {
 protected:
  AliasListTest() {
    for (const char* each : {"x.example", "y.example",
                             "b\xc3\xbc"
                             "cher.example"}) {
      hosts_.push_back({each, static_cast<int>(hosts_.size()) + 1});
    }
  }

  // Makes the list of the lines of `text`, with the database of `records`, if
  // there are any.
  absl::StatusOr<AliasList> Make(absl::string_view text,
                                 const Records& records = {},
                                 std::string separators = "") {
    folder_.Write("aliases", text);
    auto lines = ReadControlList(folder_.File("aliases"), &warnings_);
    EXPECT_TRUE(lines.ok()) << lines.status();
    std::optional<files::Cdb> more;
    if (!records.empty()) {
      folder_.WriteCdb("aliases.cdb", records);
      more.emplace(*files::Cdb::Open(folder_.File("aliases.cdb")));
    }
    return AliasList::Make(
        "aliases", **lines, std::move(more), Hosts(),
        {.separators = std::move(separators), .domain = "me.example"},
        &warnings_);
  }

  HostList Hosts() const {
    return HostList(LineSet("rcpthosts", hosts_), std::nullopt);
  }

  // Returns whether a mailbox of mailboxes_ has this address.
  absl::StatusOr<bool> HasMailbox(const Path& address) {
    ++looks_;
    if (address.local_part == "broken") {
      return absl::UnavailableError("maildir broken: Input/output error");
    }
    return mailboxes_.count(absl::AsciiStrToLower(address.Address())) > 0;
  }

  // Returns the mailboxes of `recipient`, separated by blanks, or the error.
  std::string Expand(const AliasList& list, const Path& recipient) {
    const auto expanded = list.Expand(
        recipient, Hosts(),
        [this](const Path& address) { return HasMailbox(address); });
    if (!expanded.ok()) return std::string(expanded.status().message());
    return absl::StrJoin(*expanded, " ",
                         [](std::string* text, const Path& path) {
                           absl::StrAppend(text, path.Address());
                         });
  }

  std::vector<std::string> Check(const AliasList& list) {
    return list.CheckTargets(
        Hosts(), [this](const Path& address) { return HasMailbox(address); });
  }

  files::TestDirectory folder_;
  std::vector<Line> hosts_;
  std::set<std::string> mailboxes_ = {"ann@x.example", "bob@x.example",
                                      "bob@y.example", "root",
                                      "postmaster@y.example"};
  std::vector<std::string> warnings_;
  int looks_ = 0;
};

TEST_F(AliasListTest, ExpandsAsTheHeaderSays) {
  const auto list = Make(
      "# comment\n"
      "info@x.example:ann@x.example, bob@x.example\n"
      "Sales@X.example : bob@y.example\t,  info@x.example \n"
      "hostmaster: root\n"
      "ann@x.example: ann@x.example, bob@y.example\n"
      "@y.example: ann@x.example\n"
      "\"a b\"@x.example: \"A@B\"@x.example\n"
      "a@b: bob@x.example\n"
      "b\xc3\xbc@b\xc3\xbc"
      "cher.example: bob@x.example\n"
      "postmaster: root\n");
  ASSERT_TRUE(list.ok()) << list.status();
  mailboxes_.insert("a@b@x.example");
  const struct {
    Path recipient;
    absl::string_view mailboxes;
  } cases[] = {
      {{"bob", "x.example"}, "bob@x.example"},
      {{"info", "x.example"}, "ann@x.example bob@y.example bob@x.example"},
      {{"INFO", "x.Example"}, "ann@x.example bob@y.example bob@x.example"},
      {{"sales", "x.example"},
       "bob@y.example ann@x.example bob@y.example bob@x.example"},
      {{"info", "y.example"}, "ann@x.example bob@y.example"},  // @y.example
      {{"hostmaster", "x.example"}, "root"},
      {{"hostmaster", "y.example"}, "root"},
      {{"hostmaster", ""}, "root"},
      // An alias in its own targets is a mailbox.
      {{"ann", "x.example"}, "ann@x.example bob@y.example"},
      {{"bob", "y.example"}, "bob@y.example"},
      {{"nobody", "y.example"}, "ann@x.example bob@y.example"},
      {{"nobody", "x.example"}, ""},
      {{"a b", "x.example"}, "A@B@x.example"},
      // Not the alias of a@b.
      {{"a@b", "x.example"}, "a@b@x.example"},
      {{"a@b", "y.example"}, "ann@x.example bob@y.example"},
      {{"b\xc3\xbc", "xn--bcher-kva.example"}, "bob@x.example"},
      // The aliases of this host's own name apply to it without rcpthosts.
      {{"postmaster", "me.example"}, "root"},
      {{"postmaster", "y.example"}, "root"},  // before the mailbox
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Expand(*list, c.recipient), c.mailboxes) << c.recipient.Address();
  }
  EXPECT_THAT(warnings_, ElementsAre("aliases:8: the domain is not in "
                                     "rcpthosts, so the pattern can never "
                                     "match."));
}

TEST_F(AliasListTest, TheLongestAddressWithAnExtensionIsFirst) {
  const auto list = Make(
      "ann+list@x.example: bob@y.example\n"
      "carol: ann+copy@x.example, carol+own@x.example\n"
      "@y.example: root\n",
      {}, "+-");
  ASSERT_TRUE(list.ok()) << list.status();
  mailboxes_.insert({"ann-a@x.example", "carol@x.example"});
  const struct {
    Path recipient;
    absl::string_view mailboxes;
  } cases[] = {
      {{"ann+x", "x.example"}, "ann@x.example"},
      {{"ann+", "x.example"}, "ann@x.example"},
      {{"ann+list", "x.example"}, "bob@y.example"},
      {{"ann+list-owner", "x.example"}, "bob@y.example"},
      {{"Ann-A-b+c", "x.example"}, "Ann-A@x.example"},
      {{"ann-a", "x.example"}, "ann-a@x.example"},
      {{"+ann", "x.example"}, ""},  // a user is not empty
      {{"annex", "x.example"}, ""},
      {{"zoe+x", "y.example"}, "root"},
      {{"bob+x", "y.example"}, "bob@y.example"},
      // carol's alias is found for its own target carol+own, so that is the
      // mailbox carol.
      {{"carol", "x.example"}, "ann@x.example carol@x.example"},
      {{"carol+z", "y.example"}, "ann@x.example carol@x.example"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Expand(*list, c.recipient), c.mailboxes) << c.recipient.Address();
  }
  // The number of looks at the disk has a limit.
  looks_ = 0;
  EXPECT_EQ(
      Expand(*list, {std::string("ann") + std::string(500, '+'), "x.example"}),
      "");
  EXPECT_EQ(looks_, kMaxExtensions);
  // Without separators there are no extensions.
  EXPECT_EQ(Expand(*Make(""), {"ann+x", "x.example"}), "");
}

TEST_F(AliasListTest, PostmasterAndAbuseAlwaysHaveAMailbox) {
  const auto none = Make("", {}, "+");
  mailboxes_ = {"ann@x.example"};
  for (const Path& recipient :
       {Path{"postmaster", "x.example"}, Path{"ABUSE", "y.example"},
        Path{"abuse+x", "x.example"}, Path{"PostMaster", ""}}) {
    EXPECT_THAT(Expand(*none, recipient), HasSubstr("RFC 5321 4.5.1"))
        << recipient.Address();
  }
  EXPECT_THAT(Check(*none), ElementsAre(HasSubstr("RFC 5321 4.5.1")));
  EXPECT_EQ(Expand(*none, {"hostmaster", "x.example"}), "");
  // The mailbox of the local name serves all domains.
  mailboxes_ = {"postmaster", "postmaster@y.example", "abuse@x.example"};
  EXPECT_THAT(Check(*none), IsEmpty());
  EXPECT_EQ(Expand(*none, {"postmaster", "x.example"}), "postmaster");
  EXPECT_EQ(Expand(*none, {"PostMaster", ""}), "PostMaster");
  EXPECT_EQ(Expand(*none, {"abuse", "y.example"}), "postmaster@y.example");
  EXPECT_EQ(Expand(*none, {"abuse", "x.example"}), "abuse@x.example");
  EXPECT_EQ(Expand(*none, {"abuse+x", "x.example"}), "abuse@x.example");
  EXPECT_EQ(Expand(*none, {"abuse", ""}), "postmaster");
  mailboxes_ = {"ann@x.example"};
  const auto alias = Make("postmaster: ann@x.example\n");
  EXPECT_EQ(Expand(*alias, {"abuse", "y.example"}), "ann@x.example");
  EXPECT_THAT(Check(*alias), IsEmpty());
}

TEST_F(AliasListTest, MistakeNamesFileAndLine) {
  const struct {
    absl::string_view line;
    absl::string_view error;
  } cases[] = {
      {"info", "is not of the form"},
      {"info@x.example ann@x.example", "is not of the form"},
      {": ann@x.example", "is not of the form"},
      {"@: ann@x.example", "is not of the form"},
      {"@.x.example: ann@x.example", "is not of the form"},
      {"*@x.example, b: ann@x.example", "is not of the form"},
      {"\"\"@x.example: ann@x.example", "is not of the form"},
      {"\"info: ann@x.example", "is not of the form"},
      {"<info@x.example>: ann@x.example", "is not of the form"},
      {"@a,@b:c@x.example: ann@x.example", "is not of the form"},
      {"  ann@x.example: bob@x.example", "begins with white space"},
      {"info@x.example:", "the target \"\" is not an address"},
      {"info@x.example: ann@x.example,", "the target \"\" is not an address"},
      {"info: ann bob", "the target \"ann bob\" is not an address"},
      {"info: ann@x.example\r\xff", "is not an address"},
      {"info: @x.example", "the target \"@x.example\" is not an address"},
      {"info: |/bin/cat", "the target \"|/bin/cat\" is not an address"},
      {"info: \"|/bin/cat x\"", "is not an address"},
      {"info: /var/mail/info", "is not an address"},
      {"info: &ann@x.example", "is not an address"},
      {"info: :include:/etc/list", "is not an address"},
      {"info: \\info", "is not an address"},
      {"info: ann@x.example # comment", "is not an address"},
      {"info: <ann@x.example>", "is not an address"},
      {"info: ann@far.example", "ann@far.example is not local"},
      {"info: ann@sub.x.example", "ann@sub.x.example is not local"},
      {"info: ann@[192.0.2.1]", "is not local"},
      {"Root@X.example: ann", "line 1 has the same address"},
  };
  for (const auto& c : cases) {
    const auto list = Make(absl::StrCat("root@x.example: ann\n", c.line));
    EXPECT_TRUE(absl::IsInvalidArgument(list.status())) << c.line;
    EXPECT_THAT(std::string(list.status().message()),
                AllOf(StartsWith("aliases:2: "), HasSubstr(c.error)))
        << c.line;
  }
}

TEST_F(AliasListTest, LoopIsAnErrorThatNamesTheChain) {
  const struct {
    absl::string_view text;
    absl::string_view error;
  } cases[] = {
      {"a: b\nb: a\n",
       "aliases:1: aliases lead back to one another: a (aliases:1), b "
       "(aliases:2), a"},
      {"z: a\na: root, b@x.example\nb: root, c@y.example\nc: A\n",
       "aliases:2: aliases lead back to one another: a (aliases:2), b "
       "(aliases:3), c (aliases:4), a"},
      // A copy to itself does not end another loop.
      {"a: a, b\nb: a\n",
       "aliases:1: aliases lead back to one another: a (aliases:1), b "
       "(aliases:2), a"},
      {"a@x.example: b\nb: a+x@x.example\n",
       "aliases:1: aliases lead back to one another: a@x.example (aliases:1), "
       "b (aliases:2), a@x.example"},
  };
  for (const auto& c : cases) {
    const auto list = Make(c.text, {}, "+");
    EXPECT_TRUE(absl::IsInvalidArgument(list.status())) << c.text;
    EXPECT_EQ(list.status().message(), c.error);
  }
  EXPECT_TRUE(Make("a: a\n").ok());
  EXPECT_TRUE(Make("a: a, b\nb: b\nc: a, b, a\n").ok());
  // @DOMAIN does not apply to targets.
  EXPECT_TRUE(Make("@x.example: b@y.example\n@y.example: b@x.example\n").ok());
}

TEST_F(AliasListTest, ExpansionHasLimits) {
  const auto chain = [](size_t length) {
    std::string text;
    for (size_t i = 1; i < length; ++i) {
      absl::StrAppend(&text, "a", i, ": a", i + 1, "\n");
    }
    return absl::StrCat(text, "a", length, ": root\n");
  };
  EXPECT_TRUE(Make(chain(kMaxAliasDepth)).ok());
  EXPECT_THAT(std::string(Make(chain(kMaxAliasDepth + 1)).status().message()),
              HasSubstr("more than 20 aliases lead to one another"));
  EXPECT_THAT(std::string(Make(chain(100000)).status().message()),
              HasSubstr("more than 20 aliases lead to one another"));
  const auto wide = [](size_t targets) {
    return absl::StrCat(
        "all: ", absl::StrJoin(std::vector<std::string>(targets, "root"), ", "),
        "\n");
  };
  const auto widest = Make(wide(kMaxExpansion - 1));
  ASSERT_TRUE(widest.ok()) << widest.status();
  EXPECT_EQ(Expand(*widest, {"all", "x.example"}).size(), 999 * 5 - 1);
  constexpr absl::string_view kTooMuch =
      "aliases:1: the alias expands to more than 1000 addresses";
  EXPECT_EQ(Make(wide(kMaxExpansion)).status().message(), kTooMuch);
  EXPECT_EQ(Make(wide(kMaxExpansion + 5)).status().message(), kTooMuch);
  // Each alias has ten targets.
  const auto ten = [](const std::string& pattern, const std::string& target) {
    return absl::StrCat(
        pattern, ": ", absl::StrJoin(std::vector<std::string>(10, target), ","),
        "\n");
  };
  EXPECT_TRUE(Make(ten("b", "c") + ten("c", "root")).ok());
  const std::string tree = ten("b", "c") + ten("c", "d") + ten("d", "root");
  EXPECT_EQ(Make(tree).status().message(), kTooMuch);
}

TEST_F(AliasListTest, MissingTargetIsFoundBeforeAndAtUse) {
  const auto list = Make(
      "info: ann@x.example, gone@x.example\n"
      "sales: info@y.example\n"
      "good: ann@x.example\n"
      "late: broken@x.example\n"
      "@x.example: root\n"
      "postmaster: root\n");
  ASSERT_TRUE(list.ok()) << list.status();
  constexpr absl::string_view kMissing =
      "aliases:1: the target gone@x.example has no mailbox and no alias";
  // All or none: ann gets nothing either.
  EXPECT_EQ(Expand(*list, {"info", "x.example"}), kMissing);
  EXPECT_EQ(Expand(*list, {"sales", "x.example"}), kMissing);
  EXPECT_EQ(Expand(*list, {"late", "x.example"}),
            "maildir broken: Input/output error");
  EXPECT_THAT(Check(*list),
              ElementsAre(absl::StrCat(kMissing, "."),
                          "aliases:4: the mailbox of the target "
                          "broken@x.example: maildir broken: Input/output "
                          "error."));
}

TEST_F(AliasListTest, WarningsHaveALimit) {
  std::string text = "postmaster: root\nall: root";
  for (int i = 0; i < 100; ++i) absl::StrAppend(&text, ", gone", i);
  const auto list = Make(text);
  ASSERT_TRUE(list.ok()) << list.status();
  const std::vector<std::string> warnings = Check(*list);
  ASSERT_EQ(warnings.size(), kMaxAliasWarnings + 1);
  EXPECT_EQ(warnings.back(), "There are 80 more warnings about aliases.");
}

TEST_F(AliasListTest, DatabaseIsReadAfterTheLines) {
  const auto list = Make("info: ann@x.example\nmore: db@x.example\n",
                         {{"info", "bob@x.example"},
                          {"db@x.example", "bob@x.example,ann@x.example"},
                          {"db@x.example", "root"},
                          {"@xn--bcher-kva.example", "bob@y.example"},
                          {"far", "ann@far.example"},
                          {"a", "b"},
                          {"b", "root, a"},
                          {"bad", "ann bob"},
                          {"gone", "gone@x.example"},
                          {"Upper", "root"},
                          {"u@b\xc3\xbc"
                           "cher.example",
                           "root"},
                          {"postmaster", "root"}});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(Expand(*list, {"info", "x.example"}), "ann@x.example");
  EXPECT_EQ(Expand(*list, {"more", "x.example"}),
            "bob@x.example ann@x.example");
  EXPECT_EQ(Expand(*list, {"any",
                           "b\xc3\xbc"
                           "cher.example"}),
            "bob@y.example");
  const std::string path = folder_.File("aliases.cdb");
  const auto at = [&path](absl::string_view key, absl::string_view what) {
    return absl::StrCat(path, " key ", key, ": ", what);
  };
  const std::string far =
      at("far",
         "the target ann@far.example is not local (its domain is not in "
         "rcpthosts), and a Maildir cannot send mail on");
  const std::string bad = at("bad", "the target \"ann bob\" is not an address");
  const std::string gone =
      at("gone", "the target gone@x.example has no mailbox and no alias");
  EXPECT_EQ(Expand(*list, {"far", "x.example"}), far);
  EXPECT_EQ(Expand(*list, {"bad", "x.example"}), bad);
  EXPECT_EQ(Expand(*list, {"gone", "x.example"}), gone);
  // A loop ends at use, too.
  EXPECT_THAT(Expand(*list, {"a", "x.example"}),
              HasSubstr("more than 20 aliases lead to one another"));
  const auto loop = [&path](absl::string_view a, absl::string_view b) {
    return absl::StrCat(
        path, " key ", a, ": aliases lead back to one another: ", a, " (", path,
        " key ", a, "), ", b, " (", path, " key ", b, "), ", a, ".");
  };
  constexpr absl::string_view kKey =
      "the key is not an address in lower case with its domain in xn-- form, "
      "and can never match.";
  EXPECT_THAT(Check(*list),
              ElementsAre(far + ".", loop("a", "b"), bad + ".", gone + ".",
                          absl::StrCat(path, ": key Upper: ", kKey),
                          absl::StrCat(path,
                                       ": key u@b\xc3\xbc"
                                       "cher.example: ",
                                       kKey)));
  // A loop through a line is found when the file is read.
  EXPECT_THAT(std::string(Make("a: b\n", {{"b", "a"}}).status().message()),
              StartsWith("aliases:1: aliases lead back to one another: a "
                         "(aliases:1), b ("));
}

TEST_F(AliasListTest, AllErrorsAreCollected) {
  std::vector<Line> lines;
  const auto add = [&lines](absl::string_view text) {
    lines.push_back({std::string(text), static_cast<int>(lines.size()) + 1});
  };
  for (const char* line :
       {" ann: u", "no colon", "a: b", "b: c", "c: a", "good: u", "good: u",
        "far: u@far.example", "leads: far", "two: ann bob, ann bert"}) {
    add(line);
  }
  std::vector<std::string> warnings;
  const auto make = [&] {
    std::vector<absl::Status> errors;
    AliasList::Make("/a", lines, std::nullopt, Hosts(), {}, &warnings, &errors);
    std::vector<std::string> texts;
    for (const absl::Status& error : errors) {
      EXPECT_TRUE(absl::IsInvalidArgument(error)) << error;
      texts.emplace_back(error.message());
    }
    return texts;
  };
  EXPECT_THAT(
      make(),
      ElementsAre(
          StartsWith("/a:1: the line begins with white space"),
          StartsWith("/a:2: the line is not of the form"),
          StartsWith("/a:7: line 6 has the same address"),
          "/a:3: aliases lead back to one another: a (/a:3), b (/a:4), c "
          "(/a:5), a",
          StartsWith("/a:8: the target u@far.example is not local"),
          "/a:10: the target \"ann bob\" is not an address"));
  for (int i = 0; i < 100; ++i) add("no colon");
  EXPECT_EQ(make().size(), kMaxErrors);
}

TEST_F(AliasListTest, DamagedDatabaseIsAnError) {
  folder_.WriteCdb("aliases.cdb", {{"a", "root"}});
  std::optional<files::Cdb> more;
  more.emplace(*files::Cdb::Open(folder_.File("aliases.cdb")));
  // The file that is open becomes shorter.
  ASSERT_EQ(truncate(folder_.File("aliases.cdb").c_str(), 2048), 0);
  const auto list =
      AliasList::Make("aliases", {}, std::move(more), Hosts(), {}, &warnings_);
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(Expand(*list, {"a", "x.example"}), HasSubstr("aliases.cdb"));
}

TEST(ValidateSeparatorsTest, OnlyPunctuationSeparates) {
  for (const char* good : {"", "+", "-+", "=._#~"}) {
    EXPECT_TRUE(ValidateSeparators(good).ok()) << good;
  }
  for (const char* bad : {"@", "a", "7", "/", " ", "+\"", "\\", "\xc3\xbc"}) {
    EXPECT_FALSE(ValidateSeparators(bad).ok()) << bad;
  }
}

TEST_F(AliasListTest, RecordsHaveTheEffectOfTheLines) {
  const auto list = Make(
      "Info@X.example: ann@x.example , bob\n"
      "\"a b\"@x.example: ann\n"
      "@B\xc3\xbc"
      "cher.example: \"a b\"@x.example\n"
      "Hostmaster:ann@x.example\n");
  ASSERT_TRUE(list.ok()) << list.status();
  const std::vector<files::CdbRecord> records = list->Records();
  EXPECT_THAT(records,
              ElementsAre(Pair("info@x.example", "ann@x.example , bob"),
                          Pair("a b@x.example", "ann"),
                          Pair("@xn--bcher-kva.example", "\"a b\"@x.example"),
                          Pair("hostmaster", "ann@x.example")));
  const auto database = Make("", records);
  ASSERT_TRUE(database.ok()) << database.status();
  const auto exists = [](const Path& path) -> absl::StatusOr<bool> {
    return path.local_part != "a b" && path.local_part != "hostmaster";
  };
  EXPECT_THAT(list->CheckTargets(Hosts(), exists), IsEmpty());
  EXPECT_THAT(database->CheckTargets(Hosts(), exists), IsEmpty());
  for (const Path& recipient :
       {Path{"INFO", "x.example"}, Path{"a b", "x.example"},
        Path{"who", "xn--bcher-kva.example"},
        Path{"hostmaster", "y.example"}}) {
    const auto want = list->Expand(recipient, Hosts(), exists);
    ASSERT_TRUE(want.ok()) << want.status();
    EXPECT_THAT(*want, Not(IsEmpty()));
    EXPECT_EQ(*database->Expand(recipient, Hosts(), exists), *want);
  }
}

// Its key would be that of the address a@b.
TEST_F(AliasListTest, UserWithAnAtSignIsNotAPattern) {
  EXPECT_THAT(
      std::string(
          Make("\"ann@x.example\": bob@x.example\n").status().message()),
      StartsWith("aliases:1: the line is not of the form"));
}

}  // namespace
}  // namespace postern::policy
