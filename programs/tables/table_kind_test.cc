// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/tables/table_kind.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/path.h"
#include "files/cdb.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/control/sender_list.h"

namespace postern::programs {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

class TableKindTest : public testing::Test {
 protected:
  absl::StatusOr<Table> Read(absl::string_view kind, absl::string_view text) {
    directory_.Write("text", text);
    return ReadTable(*FindTableKind(kind), directory_.File("text"));
  }
  Table Make(absl::string_view kind, absl::string_view text) {
    absl::StatusOr<Table> table = Read(kind, text);
    EXPECT_TRUE(table.ok()) << table.status();
    return table.value_or(Table());
  }

  files::TestDirectory directory_;
};

TEST_F(TableKindTest, OnlyKindsHaveNames) {
  for (const TableKind& kind : TableKinds()) {
    EXPECT_EQ(FindTableKind(kind.name), &kind);
  }
  EXPECT_EQ(FindTableKind("rcpthosts"), nullptr);
  EXPECT_EQ(FindTableKind(""), nullptr);
}

TEST_F(TableKindTest, MissingFileIsAnError) {
  EXPECT_EQ(ReadTable(TableKinds()[0], directory_.File("none")).status(),
            absl::NotFoundError(
                absl::StrCat(directory_.File("none"), ": no such file")));
}

// qmail-newmrh makes the same keys of these lines.
TEST_F(TableKindTest, HostsAreLinesInLowerCase) {
  EXPECT_THAT(
      Make("morercpthosts",
           "A.Example\n.SUB.example \t\n\n# no\n\t\n#\n"
           "a.example\n a b\nlast")
          .records,
      ElementsAre(Pair("a.example", ""), Pair(".sub.example", ""),
                  Pair("a.example", ""), Pair(" a b", ""), Pair("last", "")));
  EXPECT_THAT(Make("morercpthosts", "").records, IsEmpty());
}

TEST_F(TableKindTest, HostsThatNeverMatchCauseWarnings) {
  const std::string path = directory_.File("text");
  EXPECT_THAT(
      Make("morercpthosts", "a.example\n*.b.example\nb\xc3\xbc.example\n")
          .warnings,
      ElementsAre(
          path + ":2: the entry is not a domain and can never match (write a "
                 "domain, or a dot and a domain for its subdomains).",
          path + ":3: the entry is not ASCII and can never match: write the "
                 "domain in its xn-- form."));
  EXPECT_THAT(Make("morercpthosts", "a.example\n.b.example\n").warnings,
              IsEmpty());
}

TEST_F(TableKindTest, RecipientsAreAddressesInLowerCase) {
  const Table table = Make("validrcptto",
                           "Ann@A.Example\n@b.example\nlist-default@a.example\n"
                           "# no\nBOB@a.example \t -\njoe@b\xc3\xbc.example\n"
                           "Postmaster\n");
  EXPECT_THAT(
      table.records,
      ElementsAre(Pair("ann@a.example", ""), Pair("@b.example", ""),
                  Pair("list-default@a.example", ""),
                  Pair("bob@a.example", "-"), Pair("joe@xn--b-eha.example", ""),
                  Pair("postmaster", "")));
  EXPECT_THAT(
      table.warnings,
      ElementsAre(directory_.File("text") +
                  ":7: the entry has no '@' and matches only a recipient "
                  "without a domain."));
}

TEST_F(TableKindTest, RecipientsThatNeverMatchCauseWarnings) {
  const std::string path = directory_.File("text");
  EXPECT_THAT(
      Make("validrcptto",
           "ann@a.example\nann@\nANN@a.example\nann@A.example -\n")
          .warnings,
      ElementsAre(path + ":2: the entry has no domain after its '@' and never "
                         "matches.",
                  path + ":4: an earlier line has the same address, and the "
                         "first one counts."));
}

TEST_F(TableKindTest, LinesOfAUserBecomeOneRecord) {
  const Table table = Make("senders",
                           "ann:ann@x.example\nbob@x.example:@x.example\n"
                           "# no\nann: info@x.example\t@y.example \n");
  EXPECT_THAT(
      table.records,
      ElementsAre(Pair("ann", "ann@x.example info@x.example @y.example"),
                  Pair("bob@x.example", "@x.example")));
  EXPECT_THAT(table.warnings, IsEmpty());
  EXPECT_THAT(Make("senders", "ann:*@x.example\n").warnings,
              ElementsAre(directory_.File("text") +
                          ":1: the entry contains a '*', which matches only "
                          "itself (@y.example matches each address at "
                          "y.example)."));
}

// The server reads the text or the database.
TEST_F(TableKindTest, SendersHaveTheEffectOfTheirText) {
  constexpr absl::string_view kText =
      "ann:ann@x.example\nann:@y.example info@x.example\nbob:bob@x.example\n";
  const Table table = Make("senders", kText);
  ASSERT_TRUE(files::ReplaceCdb(directory_.File("cdb"), table.records).ok());
  std::vector<std::string> warnings;
  const auto lines =
      policy::ReadControlList(directory_.File("text"), &warnings);
  const policy::SenderList text(**lines, std::nullopt);
  const policy::SenderList database({},
                                    *files::Cdb::Open(directory_.File("cdb")));
  int allowed = 0;
  for (absl::string_view user : {"ann", "bob", "carl", "@y.example"}) {
    for (absl::string_view local : {"ann", "bob", "info"}) {
      for (absl::string_view domain : {"x.example", "y.example"}) {
        const Path sender{.local_part = std::string(local),
                          .domain = std::string(domain)};
        EXPECT_EQ(*text.Allows(user, sender), *database.Allows(user, sender));
        allowed += *text.Allows(user, sender) ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(allowed, 6);
}

TEST_F(TableKindTest, AliasesAreRecordsOfTheServersKeys) {
  directory_.Write("rcpthosts", "x.example\n");
  directory_.WriteCdb("morercpthosts.cdb", {{"y.example", ""}});
  directory_.Write("me", "mx.example\n");
  const Table table =
      Make("aliases",
           "# no\nInfo@X.example: ann@x.example, bob@y.example\n"
           "\"a b\"@x.example: ann@x.example\n"
           "hostmaster: ann@mx.example\n@y.example: ann\n");
  EXPECT_THAT(table.records, ElementsAre(Pair("info@x.example",
                                              "ann@x.example, bob@y.example"),
                                         Pair("a b@x.example", "ann@x.example"),
                                         Pair("hostmaster", "ann@mx.example"),
                                         Pair("@y.example", "ann")));
  EXPECT_THAT(table.warnings, IsEmpty());
  EXPECT_THAT(Make("aliases", "u@far.example: ann@x.example\n").warnings,
              ElementsAre(directory_.File("text") +
                          ":1: the domain is not in rcpthosts, so the pattern "
                          "can never match."));
}

TEST_F(TableKindTest, AliasWithAMistakeIsAnErrorWithItsLine) {
  directory_.MakeDirectory("control");
  directory_.Write("control/rcpthosts", "x.example\n");
  const struct {
    absl::string_view line;
    absl::string_view what;
    absl::string_view separators = "";
  } cases[] = {
      {"ann", "the line is not of the form ADDRESS: "},
      {" ann: bob", "the line begins with white space"},
      {"a: |/bin/sh", "the target \"|/bin/sh\" is not an address"},
      {"a: u@far.example", "the target u@far.example is not local"},
      {"first: bob", "line 1 has the same address"},
      {"bob: first", "aliases lead back to one another: "},
      {"b: c+x\nc: b", "aliases lead back to one another: ", "+"},
  };
  for (const auto& c : cases) {
    directory_.Write("text", absl::StrCat("first: bob\n", c.line, "\n"));
    const auto table =
        ReadTable(*FindTableKind("aliases"), directory_.File("text"),
                  {.control = directory_.File("control"),
                   .separators = std::string(c.separators)});
    EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(
        std::string(table.status().message()),
        AllOf(StartsWith(absl::StrCat(directory_.File("text"), ":")),
              ContainsRegex(":[12]: "), HasSubstr(std::string(c.what))));
  }
}

TEST_F(TableKindTest, AliasesNeedTheListOfLocalDomains) {
  EXPECT_EQ(Read("aliases", "a: b\n").status(),
            absl::NotFoundError(absl::StrCat(
                directory_.File("rcpthosts"),
                ": no such file: it says which targets are local; name its "
                "directory with --control")));
  directory_.Write("rcpthosts", "x.example\n");
  directory_.Write("morercpthosts.cdb", "damaged");
  EXPECT_FALSE(Read("aliases", "a: b\n").ok());
}

TEST_F(TableKindTest, ErrorNamesTheLineAndTheColumn) {
  const struct {
    absl::string_view kind;
    absl::string_view line;
    absl::string_view what;
  } cases[] = {
      {"validrcptto", "a@x - b",
       "7: only an address and one word after it form a line"},
      {"validrcptto", " a@x", "1: the line begins with white space"},
      {"validrcptto", "a@x\r", "4: the line contains a carriage return"},
      {"validrcptto", "a\x01@x", "2: the line contains a control character"},
      {"senders", "ann", "4: no colon follows the user: USER:ADDRESSES"},
      {"senders", ":a@x", "1: no user precedes the colon"},
      {"senders", "ann:", "5: no address follows the colon"},
      {"senders", "ann:a@x\r", "8: the line contains a carriage return"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Read(c.kind, absl::StrCat("# no\n", c.line, "\n")).status(),
              absl::InvalidArgumentError(
                  absl::StrCat(directory_.File("text"), ":2:", c.what)))
        << std::string(c.line);
  }
}

}  // namespace
}  // namespace postern::programs
