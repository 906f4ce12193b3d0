// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/not_read.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const char* NotSet(const char*) { return nullptr; }

TEST(NotReadTest, WarnsAboutFilesThatExist) {
  files::TestDirectory folder;
  folder.Write("me", "local.example\n");
  folder.Write("badmailfrom", "");
  EXPECT_THAT(CheckNotRead(folder.path(), NotSet), IsEmpty());
  folder.Write("spfbehavior", "3\n");
  folder.Write("maxrcpt", "");
  EXPECT_THAT(CheckNotRead(folder.path(), NotSet),
              ElementsAre(folder.File("maxrcpt") +
                              ": not read: it is a patch's; --max-recipients "
                              "limits them (452).",
                          folder.File("spfbehavior") +
                               ": not read: it is a patch's; --spf has an "
                               "action for each result."));
}

TEST(NotReadTest, WarnsAboutVariablesOfTheProcess) {
  files::TestDirectory folder;
  EXPECT_THAT(
      CheckNotRead(folder.path(),
                   [](const char* name) {
                     const absl::string_view text = name;
                     return text == "MFCHECK" || text == "HOME" ? "" : nullptr;
                   }),
      ElementsAre(
          "MFCHECK: the variable is not read: it is a "
          "patch's; --sender-domain-exists is the same for all clients."));
}

TEST(NotReadTest, RowsAreDistinctAndShort) {
  std::set<absl::string_view> names;
  for (const auto rows : {NotReadFiles(), NotReadVariables()}) {
    for (const NotReadRow& row : rows) {
      EXPECT_TRUE(names.insert(row.name).second) << row.name;
      EXPECT_TRUE(absl::StrContains(row.why, "'s; ")) << row.name;
      EXPECT_LE(row.name.size(), 23u) << row.name;
      EXPECT_LE(row.why.size(), 61u) << row.name;
    }
  }
}

TEST(NotReadTest, FormatsALineForEachRow) {
  constexpr NotReadRow kRows[] = {{"a", "x's; y"}, {"bc", "z's; w"}};
  EXPECT_EQ(FormatNotRead(kRows),
            "  a                       x's; y\n"
            "  bc                      z's; w\n");
}

}  // namespace
}  // namespace postern::policy
