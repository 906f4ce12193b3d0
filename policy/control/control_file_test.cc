// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/control_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <limits>
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

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
constexpr absl::string_view kNul("a\0b", 3);

TEST(ControlFileTest, ValueIsTheFirstLineWithoutTrailingBlanks) {
  const struct {
    absl::string_view content;
    absl::string_view value;
    bool warns = false;
  } cases[] = {
      {"mx.example.org\n", "mx.example.org"},
      {"mx.example.org", "mx.example.org"},  // no newline at the end
      {"mx.example.org \t \n", "mx.example.org"},
      {"mx.example NO UCE\n", "mx.example NO UCE"},
      {" mx\n", " mx"},  // leading spaces stay
      {"first\nsecond\n", "first"},
      {"", ""},  // the file exists and is empty
      {"\nsecond\n", ""},
      {"#c\n", "#c"},            // qmail-smtpd behaviour 25
      {"mx\r\n", "mx\r", true},  // a CR is never removed
      {"m\rx\n", "m\rx", true},
      {kNul, kNul},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.content));
    files::TestDirectory folder;
    folder.Write("me", c.content);
    std::vector<std::string> warnings;
    const auto value = ReadControlValue(folder.File("me"), &warnings);
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(*value, std::string(c.value));
    EXPECT_EQ(warnings.size(), c.warns ? 1u : 0u);
    if (c.warns) {
      EXPECT_THAT(warnings[0], StartsWith(folder.File("me") + ":1: "));
      EXPECT_THAT(warnings[0], HasSubstr("carriage return"));
    }
  }
}

TEST(ControlFileTest, NumberIsTheDigitsAtTheBeginning) {
  const struct {
    absl::string_view content;
    uint64_t number;
    bool warns = false;
  } cases[] = {
      {"0\n", 0},
      {"1200\n", 1200},
      {"0042 \t\n", 42},
      {"2junk\n", 2, true},
      {"2 000\n", 2, true},
      {"2\r\n", 2, true},
      {"5 \n7\n", 5},
      {"\n", 77, true},  // no digit first: like a missing file
      {"", 77, true},
      {" 5\n", 77, true},
      {"-1\n", 77, true},
      {"+1\n", 77, true},
      {"x\n", 77, true},
      {"4294967296\n", 4294967296},
      {"18446744073709551615\n", kMax},
      {"18446744073709551616\n", kMax},  // qmail wraps around to 0
      {"99999999999999999999999999999\n", kMax},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.content));
    files::TestDirectory folder;
    folder.Write("databytes", c.content);
    std::vector<std::string> warnings;
    const auto number =
        ReadControlNumber(folder.File("databytes"), 77, &warnings);
    ASSERT_TRUE(number.ok()) << number.status();
    EXPECT_EQ(*number, c.number);
    EXPECT_EQ(warnings.size(), c.warns ? 1u : 0u);
    if (c.warns) {
      EXPECT_THAT(warnings[0], StartsWith(folder.File("databytes") + ":1: "));
    }
  }
}

TEST(ControlFileTest, ListKeepsTheNumbersOfItsLines) {
  files::TestDirectory folder;
  folder.Write("rcpthosts",
               "# a comment\n"
               "local.example\n"
               "\n"
               " \t\n"
               ".Sub.Example \t\n"
               "trailing # no comment\n"
               "last");
  std::vector<std::string> warnings;
  const auto lines = ReadControlList(folder.File("rcpthosts"), &warnings);
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_TRUE(lines->has_value());
  std::vector<std::pair<int, std::string>> found;
  for (const Line& line : **lines) found.emplace_back(line.number, line.text);
  EXPECT_THAT(
      found,
      ElementsAre(std::pair(2, "local.example"), std::pair(5, ".Sub.Example"),
                  std::pair(6, "trailing # no comment"), std::pair(7, "last")));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(ControlFileTest, EmptyListIsNotMissing) {
  files::TestDirectory folder;
  for (absl::string_view content : {"", "\n", "# nothing\n", "\n\n"}) {
    folder.Write("rcpthosts", content);
    std::vector<std::string> warnings;
    const auto lines = ReadControlList(folder.File("rcpthosts"), &warnings);
    ASSERT_TRUE(lines.ok()) << lines.status();
    ASSERT_TRUE(lines->has_value());
    EXPECT_TRUE((*lines)->empty());
  }
}

// qmail-smtpd behaviour 23.
TEST(ControlFileTest, KeepsCarriageReturnsAndLeadingSpaceWithAWarning) {
  files::TestDirectory folder;
  folder.Write("rcpthosts", "# c\r\na\r\nb\r\nc\r\n d\n\te\n");
  std::vector<std::string> warnings;
  const auto lines = ReadControlList(folder.File("rcpthosts"), &warnings);
  ASSERT_TRUE(lines.ok()) << lines.status();
  std::vector<std::string> found;
  for (const Line& line : **lines) found.push_back(line.text);
  EXPECT_THAT(found, ElementsAre("a\r", "b\r", "c\r", " d", "\te"));
  const std::string file = folder.File("rcpthosts");
  EXPECT_THAT(
      warnings,
      ElementsAre(file + ":2: the entry ends in a carriage return, which is "
                         "part of it (and 2 more like it).",
                  file +
                      ":5: the entry begins with white space, which is part of "
                      "it (and 1 more like it)."));
}

TEST(ControlFileTest, MissingFileIsNotAnError) {
  files::TestDirectory folder;
  std::vector<std::string> warnings;
  const std::string file = folder.File("none");
  const auto value = ReadControlValue(file, &warnings);
  ASSERT_TRUE(value.ok());
  EXPECT_FALSE(value->has_value());
  const auto number = ReadControlNumber(file, 1200, &warnings);
  ASSERT_TRUE(number.ok());
  EXPECT_EQ(*number, 1200u);
  const auto lines = ReadControlList(file, &warnings);
  ASSERT_TRUE(lines.ok());
  EXPECT_FALSE(lines->has_value());
  EXPECT_THAT(warnings, IsEmpty());
}

// Expects that each reader returns an error that names the file.
void ExpectUnreadable(const std::string& file) {
  SCOPED_TRACE(file);
  std::vector<std::string> warnings;
  for (const absl::Status& status :
       {ReadControlValue(file, &warnings).status(),
        ReadControlNumber(file, 1, &warnings).status(),
        ReadControlList(file, &warnings).status()}) {
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(absl::IsNotFound(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), file)) << status;
  }
}

// qmail-smtpd behaviour 27.
TEST(ControlFileTest, UnreadableFileIsAnErrorAndNotMissing) {
  files::TestDirectory folder;
  folder.MakeDirectory("directory");
  ExpectUnreadable(folder.File("directory"));
  folder.MakeLoop("loop");
  ExpectUnreadable(folder.File("loop"));
  folder.Write("file", "");
  ExpectUnreadable(folder.File("file/me"));
}

TEST(ControlFileTest, FileWithoutPermissionIsAnErrorAndNotMissing) {
  files::TestDirectory folder;
  folder.Write("secret", "local.example\n");
  ASSERT_EQ(chmod(folder.File("secret").c_str(), 0), 0);
  if (access(folder.File("secret").c_str(), R_OK) == 0) {
    GTEST_SKIP() << "runs as root";
  }
  ExpectUnreadable(folder.File("secret"));
}

TEST(ControlFileTest, FifoIsAnErrorAndDoesNotBlock) {
  files::TestDirectory folder;
  ASSERT_EQ(mkfifo(folder.File("fifo").c_str(), 0600), 0);
  ExpectUnreadable(folder.File("fifo"));
}

TEST(ControlFileTest, ReadsFilesOfAnySize) {
  files::TestDirectory folder;
  for (size_t lines : {1u, 1000u, 100000u}) {
    std::string content;
    for (size_t i = 0; i < lines; ++i)
      content += "d" + std::to_string(i) + "\n";
    folder.Write("rcpthosts", content);
    std::vector<std::string> warnings;
    const auto list = ReadControlList(folder.File("rcpthosts"), &warnings);
    ASSERT_TRUE(list.ok());
    ASSERT_EQ((*list)->size(), lines);
    EXPECT_EQ((*list)->back().text, "d" + std::to_string(lines - 1));
    EXPECT_EQ((*list)->back().number, static_cast<int>(lines));
  }
  // The size of this file is unknown to stat().
  std::vector<std::string> warnings;
  const auto list = ReadControlList("/proc/self/status", &warnings);
  ASSERT_TRUE(list.ok());
  EXPECT_GT((*list)->size(), 10u);
}

}  // namespace
}  // namespace postern::policy
