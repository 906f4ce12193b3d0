// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/config_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConfigFileTest : public testing::Test {
 protected:
  // Returns the entries as "LINE KEY=VALUE" and "LINE [KEY VALUE]", and the
  // settings of a section after it as "  LINE KEY=VALUE".
  std::vector<std::string> Read(const std::string& name = "a") {
    mistakes_.clear();
    config_ = ConfigFile::Read(directory_.File(name), &mistakes_);
    std::vector<std::string> shown;
    for (const ConfigFile::Entry& entry : config_.entries()) {
      const auto& setting = entry.setting;
      shown.push_back(entry.is_section
                          ? absl::StrCat(Place(setting), " [", setting.key, " ",
                                         setting.value, "]")
                          : Show(setting));
      for (const auto& each : entry.settings) {
        shown.push_back("  " + Show(each));
      }
    }
    for (std::string& mistake : mistakes_) mistake = Short(mistake);
    return shown;
  }

  std::string Short(const std::string& text) {
    std::string path = directory_.path() + "/";
    std::string shorter = text;
    for (size_t at; (at = shorter.find(path)) != std::string::npos;) {
      shorter.erase(at, path.size());
    }
    return shorter;
  }
  std::string Place(const ConfigFile::Setting& setting) {
    return Short(config_.PlaceOf(setting));
  }
  std::string Show(const ConfigFile::Setting& setting) {
    return absl::StrCat(Place(setting), " ", setting.key, "=", setting.value);
  }

  files::TestDirectory directory_;
  ConfigFile config_;
  std::vector<std::string> mistakes_;
};

TEST_F(ConfigFileTest, SectionsHaveTheLinesBelowThem) {
  directory_.Write("a",
                   "# comment\na = 1\r\n\n [listen  *:25 ]\n b=x=#y \n"
                   "[listen [::1]:25]\n[deliver out]\nto = smtp:a,b");
  EXPECT_THAT(Read(), ElementsAre("a:2 a=1", "a:4 [listen *:25]",
                                  "  a:5 b=x=#y", "a:6 [listen [::1]:25]",
                                  "a:7 [deliver out]", "  a:8 to=smtp:a,b"));
  EXPECT_THAT(mistakes_, IsEmpty());
}

TEST_F(ConfigFileTest, IncludedFilesBeginOutsideOfSections) {
  directory_.MakeDirectory("d");
  directory_.Write("a", "[s 1]\nx = 1\ninclude = d\ny = 2\ninclude = b\n");
  directory_.Write("d/2.conf", "k = 2\n");
  directory_.Write("d/1.conf", "[s 2]\nz = 3\n");
  directory_.Write("d/.3.conf", "no = 1\n");
  directory_.Write("d/4.conf~", "no = 1\n");
  directory_.Write("b", "c = 1\n");
  EXPECT_THAT(Read(), ElementsAre("a:1 [s 1]", "  a:2 x=1", "  a:4 y=2",
                                  "d/1.conf:1 [s 2]", "  d/1.conf:2 z=3",
                                  "d/2.conf:1 k=2", "b:1 c=1"));
  EXPECT_THAT(mistakes_, IsEmpty());
  EXPECT_EQ(config_.files().size(), 4u);
}

TEST_F(ConfigFileTest, MistakesNameTheLine) {
  const struct {
    const char* text;
    const char* mistake;
  } cases[] = {
      {"x\n", "a:1: not name=value"},
      {"\n[listen\n", "a:2: a section is [NAME VALUE]"},
      {"[listen]\n", "a:1: the section [listen] has no value: [NAME VALUE]"},
      {"[]\n", "a:1: the section [] has no value: [NAME VALUE]"},
      {"a = \x01\n", "a:1: the line contains a control character"},
      {"include =\n", "a:1: include: the value is empty"},
      {"include = b\n", "a:1: include: b: no such file"},
  };
  for (const auto& [text, mistake] : cases) {
    directory_.Write("a", text);
    Read();
    EXPECT_THAT(mistakes_, ElementsAre(mistake));
  }
  EXPECT_THAT(Read("none"), IsEmpty());
  EXPECT_THAT(mistakes_, ElementsAre("none: no such file"));
}

TEST_F(ConfigFileTest, KeysBelowAWrongSectionAreNotKeysOfTheServer) {
  directory_.Write("a", "[listen\nuser = x\n");
  Read();
  ASSERT_EQ(config_.entries().size(), 1u);
  EXPECT_EQ(config_.entries()[0].setting.key, "");
}

TEST_F(ConfigFileTest, CyclesAreMistakes) {
  directory_.Write("a", "include = b\n");
  directory_.Write("b", "x = 1\ninclude = a\n");
  EXPECT_THAT(Read(), ElementsAre("b:1 x=1"));
  EXPECT_THAT(mistakes_, ElementsAre("b:2: include: a includes itself"));
  // By another name.
  directory_.Write("b", "include = link\n");
  ASSERT_EQ(symlink("a", directory_.File("link").c_str()), 0);
  Read();
  EXPECT_THAT(mistakes_, ElementsAre("b:1: include: link includes itself"));
}

TEST_F(ConfigFileTest, ADirectoryThatIncludesItselfEnds) {
  directory_.MakeDirectory("d");
  directory_.Write("a", "include = d\n");
  directory_.Write("d/1.conf", "include = .\n");
  directory_.Write("d/2.conf", "include = .\n");
  Read();
  EXPECT_THAT(mistakes_, testing::Contains(HasSubstr("includes itself")));
}

TEST_F(ConfigFileTest, DepthAndNumberOfFilesAreLimited) {
  for (size_t i = 0; i <= kMaxConfigDepth; ++i) {
    directory_.Write(absl::StrCat("f", i), absl::StrCat("include = f", i + 1));
  }
  Read("f0");
  EXPECT_THAT(mistakes_, ElementsAre("f7:1: include: more than 8 levels of "
                                     "files"));
  std::string text;
  for (size_t i = 0; i < kMaxConfigFiles; ++i) text += "include = b\n";
  directory_.Write("a", text);
  directory_.Write("b", "");
  Read();
  EXPECT_THAT(mistakes_, ElementsAre("a:256: include: more than 256 files"));
}

TEST_F(ConfigFileTest, FilesThatEveryUserMayWriteToAreMistakes) {
  directory_.MakeDirectory("d");
  directory_.Write("d/1.conf", "x = 1\n");
  directory_.Write("a", "include = d\ny = 2\n");
  ASSERT_EQ(chmod(directory_.File("d/1.conf").c_str(), 0646), 0);
  EXPECT_THAT(Read(), ElementsAre("a:2 y=2"));
  EXPECT_THAT(mistakes_, ElementsAre("a:1: include: d/1.conf: every user may "
                                     "write to it; run chmod o-w"));
  // A user could put files into the directory.
  ASSERT_EQ(chmod(directory_.File("d/1.conf").c_str(), 0644), 0);
  ASSERT_EQ(chmod(directory_.File("d").c_str(), 01777), 0);
  EXPECT_THAT(Read(), ElementsAre("a:2 y=2"));
  EXPECT_THAT(mistakes_, ElementsAre("a:1: include: d: every user may write to "
                                     "it; run chmod o-w"));
  ASSERT_EQ(chmod(directory_.File("d").c_str(), 0755), 0);
  ASSERT_EQ(chmod(directory_.File("a").c_str(), 0666), 0);
  EXPECT_THAT(Read(), IsEmpty());
  EXPECT_THAT(mistakes_,
              ElementsAre("a: every user may write to it; run chmod o-w"));
}

TEST_F(ConfigFileTest, SizeIsLimited) {
  directory_.Write("a", std::string(kMaxConfigFile + 1, '\n'));
  Read();
  EXPECT_THAT(mistakes_, ElementsAre(HasSubstr("a: larger than 1048576")));
}

}  // namespace
}  // namespace postern::service
