// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/options.h"

#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StrEq;

constexpr OptionRow kRows[] = {
    {"help", "", "print this", OptionRow::From::kCommandLine},
    {"config", "FILE", "more", OptionRow::From::kCommandLine},
    {"control", "DIR", "a directory"},
    {"max-errors", "N [100]", "a number\nof errors"},
    {"not-shown", "TEXT", ""},
    {"open-relay", "", "a flag"},
    {"listen", "ADDRESS", "where", OptionRow::From::kAnywhere, true, true},
    {"mode", "MODE-WITH-A-VERY-LONG-NAME [a]", "one of two"},
};

enum class Mode { kA, kB };

class OptionsTest : public testing::Test {
 protected:
  // Reads the command line. Returns the mistake, or "".
  std::string Read(std::vector<const char*> arguments) {
    arguments_ = std::move(arguments);
    options_.Read(arguments_, [this](const char* name) -> const char* {
      const auto found = variables_.find(name);
      return found == variables_.end() ? nullptr : found->second.c_str();
    });
    return std::string(options_.status().message());
  }

  int MaxErrors() { return options_.Number("max-errors", 100, 1, 1000); }
  Mode GetMode() {
    return options_.Choice("mode", Mode::kA,
                           {{"a", Mode::kA}, {"b", Mode::kB}});
  }
  std::string Mistake() { return std::string(options_.status().message()); }

  files::TestDirectory folder_;
  std::map<std::string, std::string> variables_;
  std::vector<const char*> arguments_;
  Options options_{kRows};
};

TEST_F(OptionsTest, WithoutOptionsTheDefaultsStay) {
  EXPECT_EQ(Read({}), "");
  EXPECT_EQ(options_.Text("control", "/etc"), "/etc");
  EXPECT_EQ(MaxErrors(), 100);
  EXPECT_FALSE(options_.Flag("open-relay"));
  EXPECT_EQ(GetMode(), Mode::kA);
  EXPECT_THAT(options_.operands(), IsEmpty());
  EXPECT_TRUE(options_.status().ok());
}

TEST_F(OptionsTest, ValueFollowsABlankOrAnEqualsSign) {
  EXPECT_EQ(Read({"--control", "/a=b", "--max-errors=7", "--open-relay",
                  "--mode", "b"}),
            "");
  EXPECT_EQ(options_.Text("control", ""), "/a=b");
  EXPECT_EQ(MaxErrors(), 7);
  EXPECT_TRUE(options_.Flag("open-relay"));
  EXPECT_EQ(GetMode(), Mode::kB);
}

TEST_F(OptionsTest, ValueMayLookLikeAnOption) {
  EXPECT_EQ(Read({"--control", "--open-relay"}), "");
  EXPECT_EQ(options_.Text("control", ""), "--open-relay");
  EXPECT_FALSE(options_.Flag("open-relay"));
}

TEST_F(OptionsTest, OptionsEndWhereOperandsBegin) {
  EXPECT_EQ(Read({"--max-errors", "7", "checker", "--unknown", "-x"}), "");
  EXPECT_THAT(options_.operands(),
              ElementsAre(StrEq("checker"), StrEq("--unknown"), StrEq("-x")));
}

TEST_F(OptionsTest, TwoDashesEndTheOptions) {
  EXPECT_EQ(Read({"--", "--control"}), "");
  EXPECT_THAT(options_.operands(), ElementsAre(StrEq("--control")));
}

TEST_F(OptionsTest, OneDashIsAnOperand) {
  EXPECT_EQ(Read({"-"}), "");
  EXPECT_THAT(options_.operands(), ElementsAre(StrEq("-")));
}

TEST_F(OptionsTest, HelpHasAShortName) {
  EXPECT_EQ(Read({"-h"}), "");
  EXPECT_TRUE(options_.Flag("help"));
}

TEST_F(OptionsTest, UnknownOptionIsAMistake) {
  const struct {
    const char* word;
    const char* meant;
  } cases[] = {
      {"--contro", "--control"},
      {"--controls", "--control"},
      {"--Control", "--control"},
      {"--contorl", "--control"},
      {"---control", "--control"},
      {"--max-erors", "--max-errors"},
      {"--maxerrors", "--max-errors"},
      {"--max_errors", "--max-errors"},
      {"--mdoe", ""},  // a name of four letters may have one mistake
      {"--mod", "--mode"},
      {"--rules", ""},
      {"-c", ""},
      {"-x", ""},
      {"--", ""},
      {"--y", ""},
  };
  for (const auto& [word, meant] : cases) {
    Options options(kRows);
    const std::string argument = std::string(word) + "=x";
    const char* const arguments[] = {argument.c_str()};
    options.Read(arguments, [](const char*) { return nullptr; });
    const std::string hint =
        *meant == '\0' ? "" : std::string("; did you mean ") + meant + "?";
    EXPECT_EQ(options.status().message(),
              std::string("unknown option ") + word + hint);
    EXPECT_TRUE(options.usage_is_wrong());
  }
}

TEST_F(OptionsTest, AllMistakesAreKept) {
  folder_.Write("options",
                "mod = a\n\ncontrol\nmax-errors=x\nlisten=\nhelp=1\n");
  const std::string file = folder_.File("options");
  EXPECT_EQ(Read({"--contro", "/x", "--mode=c", "--config", file.c_str(),
                  "--mode=a", "--nothing", "alike", "--not-shown"}),
            "unknown option --contro; did you mean --control?");
  GetMode();
  MaxErrors();
  EXPECT_THAT(
      options_.mistakes(),
      ElementsAre("unknown option --contro; did you mean --control?",
                  "--mode is given twice", "unknown option --nothing",
                  "--not-shown: its value is missing",
                  file + ":3: not name=value",
                  file + ":1: unknown option mod; did you mean mode?",
                  file + ":5: listen: the value is empty",
                  file + ":6: the option help is only for the command line",
                  "--mode: a or b, not \"c\"",
                  file + ":4: max-errors: 1 to 1000, not \"x\""));
  EXPECT_THAT(options_.operands(), IsEmpty());
}

TEST_F(OptionsTest, UnknownVariablesAreWarnings) {
  const char* const environment[] = {
      "PATH=/bin",           "POSTERN_CONTROL=/x", "POSTERN_MAX_ERORS=3",
      "POSTERN_CONFIG=/x",   "POSTERN_=1",         "POSTERN_Mode=a",
      "POSTERN_SUBMISSION=", "POSTERN=1",          nullptr};
  EXPECT_THAT(
      options_.UnknownVariables(environment),
      ElementsAre("POSTERN_MAX_ERORS: no option has this variable; did you "
                  "mean POSTERN_MAX_ERRORS?",
                  "POSTERN_CONFIG: no effect, because the option config is "
                  "only for the command line",
                  "POSTERN_: no option has this variable",
                  "POSTERN_Mode: no option has this variable; did you mean "
                  "POSTERN_MODE?",
                  "POSTERN_SUBMISSION: no option has this variable"));
  EXPECT_THAT(options_.UnknownVariables(nullptr), IsEmpty());
  EXPECT_TRUE(options_.mistakes().empty());
}

TEST_F(OptionsTest, PlaceIsThatOfTheValue) {
  folder_.Write("options", "listen=a\n#\nlisten=b\n");
  const std::string file = folder_.File("options");
  variables_["POSTERN_CONTROL"] = "/x";
  EXPECT_EQ(Read({"--mode", "a", "--config", file.c_str()}), "");
  EXPECT_EQ(options_.Place("mode"), "--mode");
  EXPECT_EQ(options_.Place("listen", 0), file + ":1: listen");
  EXPECT_EQ(options_.Place("listen", 1), file + ":3: listen");
  EXPECT_EQ(options_.Place("control"), "POSTERN_CONTROL");
  EXPECT_EQ(options_.Place("max-errors"), "--max-errors");
}

TEST_F(OptionsTest, MissingValueIsAMistake) {
  EXPECT_EQ(Read({"--max-errors", "3", "--control"}),
            "--control: its value is missing");
}

TEST_F(OptionsTest, GivenTwiceIsAMistake) {
  EXPECT_EQ(Read({"--control", "/a", "--control=/b"}),
            "--control is given twice");
}

TEST_F(OptionsTest, InvalidNumberIsAMistake) {
  for (const char* bad : {"0", "1001", "many", "0x10", "7 7", "1e2"}) {
    Options options(kRows);
    const std::string argument = std::string("--max-errors=") + bad;
    const char* const arguments[] = {argument.c_str()};
    options.Read(arguments, [](const char*) { return nullptr; });
    EXPECT_TRUE(options.status().ok());
    EXPECT_EQ(options.Number("max-errors", 100, 1, 1000), 100);
    EXPECT_EQ(options.status().message(),
              std::string("--max-errors: 1 to 1000, not \"") + bad + "\"");
  }
}

TEST_F(OptionsTest, InvalidChoiceIsAMistakeThatNamesTheValidOnes) {
  variables_["POSTERN_MODE"] = "c";
  EXPECT_EQ(Read({}), "");
  EXPECT_EQ(GetMode(), Mode::kA);
  EXPECT_EQ(Mistake(), "POSTERN_MODE: a or b, not \"c\"");
}

TEST_F(OptionsTest, FirstMistakeIsKept) {
  EXPECT_EQ(Read({"--mode=c", "--max-errors=0"}), "");
  MaxErrors();
  GetMode();
  EXPECT_THAT(Mistake(), HasSubstr("--max-errors"));
}

TEST_F(OptionsTest, FlagMayBeFalse) {
  const struct {
    const char* value;
    bool is;
  } cases[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
               {"false", false}, {"no", false}, {"off", false}, {"0", false}};
  for (const auto& [value, is] : cases) {
    Options options(kRows);
    options.Read({}, [value = value](const char* name) {
      return std::string(name) == "POSTERN_OPEN_RELAY" ? value : nullptr;
    });
    EXPECT_EQ(options.Flag("open-relay"), is) << value;
    EXPECT_TRUE(options.status().ok());
  }
  variables_["POSTERN_OPEN_RELAY"] = "maybe";
  EXPECT_EQ(Read({}), "");
  EXPECT_FALSE(options_.Flag("open-relay"));
  EXPECT_THAT(Mistake(), HasSubstr("POSTERN_OPEN_RELAY: true or false"));
}

TEST_F(OptionsTest, FileHasOneLinePerOption) {
  folder_.Write("options",
                "# comment\n\n  # another\ncontrol = /a#b, 'c' \"d\"=e \t\r\n"
                "  max-errors=7\nopen-relay=yes");
  const std::string file = folder_.File("options");
  EXPECT_EQ(Read({"--config", file.c_str()}), "");
  EXPECT_EQ(options_.Text("control", ""), "/a#b, 'c' \"d\"=e");
  EXPECT_EQ(MaxErrors(), 7);
  EXPECT_TRUE(options_.Flag("open-relay"));
}

TEST_F(OptionsTest, MistakesInTheFileNameTheLine) {
  const std::string file = folder_.File("options");
  const struct {
    const char* content;
    const char* mistake;
  } cases[] = {
      {"\n#\ncontrol\n", ":3: not name=value"},
      {"contro = x\n", ":1: unknown option contro; did you mean control?"},
      {"=x\n", ":1: unknown option "},
      {"config=x\n", ":1: the option config is only for the command line"},
      {"help=true\n", ":1: the option help is only for the command line"},
      {"mode=a\ncontrol=/a\n\ncontrol=/b\n", ":4: control is given twice"},
      {"mode=a\nmax-errors=x\n", ":2: max-errors: 1 to 1000, not \"x\""},
  };
  for (const auto& [content, mistake] : cases) {
    folder_.Write("options", content);
    Options options(kRows);
    const char* const arguments[] = {"--config", file.c_str()};
    options.Read(arguments, [](const char*) { return nullptr; });
    options.Number("max-errors", 100, 1, 1000);
    EXPECT_EQ(options.status().message(), file + mistake) << content;
  }
}

TEST_F(OptionsTest, UnreadableFileIsAMistake) {
  const std::string missing = folder_.File("missing");
  EXPECT_EQ(Read({"--config", missing.c_str()}), missing + ": no such file");
  folder_.MakeDirectory("folder");
  Options options(kRows);
  const std::string folder = folder_.File("folder");
  const char* const arguments[] = {"--config", folder.c_str()};
  options.Read(arguments, [](const char*) { return nullptr; });
  EXPECT_THAT(std::string(options.status().message()), HasSubstr(folder));
}

TEST_F(OptionsTest, CommandLineOverridesFileOverridesEnvironment) {
  folder_.Write("options", "mode=a\ncontrol=/file\n");
  const std::string file = folder_.File("options");
  variables_["POSTERN_MODE"] = "b";
  variables_["POSTERN_CONTROL"] = "/environment";
  variables_["POSTERN_MAX_ERRORS"] = "9";
  EXPECT_EQ(Read({"--control", "/here", "--config", file.c_str()}), "");
  EXPECT_EQ(options_.Text("control", ""), "/here");
  EXPECT_EQ(GetMode(), Mode::kA);
  EXPECT_EQ(MaxErrors(), 9);
  EXPECT_TRUE(options_.status().ok());
}

TEST_F(OptionsTest, SomeOptionsMayBeRepeated) {
  folder_.Write("options", "listen=c\nlisten = d e\n");
  const std::string file = folder_.File("options");
  variables_["POSTERN_LISTEN"] = " f  g ";
  EXPECT_EQ(Read({"--listen", "a", "--listen=b"}), "");
  EXPECT_THAT(options_.List("listen"), ElementsAre("a", "b"));
  Options of_file(kRows);
  const char* const arguments[] = {"--config", file.c_str()};
  of_file.Read(arguments, [](const char*) { return nullptr; });
  EXPECT_THAT(of_file.List("listen"), ElementsAre("c", "d e"));
  Options of_variable(kRows);
  of_variable.Read({}, [this](const char* name) -> const char* {
    const auto found = variables_.find(name);
    return found == variables_.end() ? nullptr : found->second.c_str();
  });
  EXPECT_THAT(of_variable.List("listen"), ElementsAre("f", "g"));
}

TEST_F(OptionsTest, EmptyValueIsAMistakeInEachPlace) {
  const std::string file = folder_.File("options");
  for (const std::string empty : {"", " ", "  "}) {
    for (const OptionRow& row : kRows) {
      const std::string name(row.name);
      std::string variable = "POSTERN_" + name;
      for (char& c : variable) c = c == '-' ? '_' : absl::ascii_toupper(c);
      folder_.Write("options", "\n" + name + "=" + empty);
      const std::string argument = "--" + name + "=" + empty;
      const struct {
        std::vector<const char*> arguments;
        bool variable;
        std::string mistake;
      } places[] = {
          {{argument.c_str()}, false, "--" + name + ": the value is empty"},
          {{"--config", file.c_str()},
           false,
           file + ":2: " + name + ": the value is empty"},
          {{}, true, variable + ": the value is empty"},
      };
      const bool anywhere = row.from == OptionRow::From::kAnywhere;
      for (const auto& place : places) {
        if (!anywhere && place.mistake[0] != '-') continue;
        Options options(kRows);
        options.Read(place.arguments, [&](const char* asked) {
          return place.variable && asked == variable ? empty.c_str() : nullptr;
        });
        EXPECT_EQ(options.status().message(), place.mistake);
      }
    }
  }
}

TEST_F(OptionsTest, SomeOptionsAreOnlyForTheCommandLine) {
  variables_["POSTERN_HELP"] = "1";
  variables_["POSTERN_CONFIG"] = "/no/such/file";
  EXPECT_EQ(Read({}), "");
  EXPECT_FALSE(options_.Flag("help"));
}

TEST_F(OptionsTest, DefaultFileIsReadIfItExists) {
  const std::string file = folder_.File("default");
  const auto read = [&](std::vector<const char*> arguments) {
    Options options(kRows);
    options.Read(
        arguments, [](const char*) { return nullptr; }, file);
    return options;
  };
  EXPECT_TRUE(read({}).status().ok());
  folder_.Write("default", "control = /d\n");
  EXPECT_EQ(read({}).Text("control", ""), "/d");
  EXPECT_EQ(read({"--config", "none"}).Text("control", ""), "");
  folder_.Write("other", "mode = b\n");
  const std::string other = folder_.File("other");
  EXPECT_EQ(read({"--config", other.c_str()}).Text("control", ""), "");
}

TEST_F(OptionsTest, UnreadableDefaultFileIsAMistake) {
  folder_.MakeDirectory("directory");
  folder_.MakeLoop("loop");
  folder_.Write("file", "");
  ASSERT_EQ(symlink("missing", folder_.File("link").c_str()), 0);
  for (const char* name : {"directory", "loop", "link", "file/below"}) {
    Options options(kRows);
    options.Read(
        {}, [](const char*) { return nullptr; }, folder_.File(name));
    EXPECT_THAT(std::string(options.status().message()),
                HasSubstr(folder_.File(name)));
  }
}

TEST_F(OptionsTest, TwiceInTwoFilesNamesBoth) {
  folder_.Write("a", "control = /a\ninclude = b\n");
  folder_.Write("b", "\ncontrol = /b\n");
  const std::string file = folder_.File("a");
  EXPECT_EQ(
      Read({"--config", file.c_str()}),
      folder_.path() + "/b:2: control is given twice, first at " + file + ":1");
}

TEST_F(OptionsTest, UnknownSectionIsAMistake) {
  folder_.Write("a", "[listn x]\ny = 1\n");
  const std::string file = folder_.File("a");
  EXPECT_EQ(Read({"--config", file.c_str()}),
            file + ":1: unknown section listn; did you mean listen?");
}

TEST_F(OptionsTest, DefaultsAreThoseOfTheRows) {
  Read({});
  EXPECT_EQ(options_.Number("max-errors", 5, 1, 1000), 100);
  EXPECT_EQ(
      options_.Choice("mode", Mode::kB, {{"a", Mode::kA}, {"b", Mode::kB}}),
      Mode::kA);
  EXPECT_EQ(options_.Text("mode", "x"), "a");
  EXPECT_FALSE(options_.IsGiven("mode"));
  EXPECT_TRUE(options_.Values("mode")[0].is_default);
  EXPECT_THAT(options_.Values("control"), IsEmpty());
}

TEST_F(OptionsTest, LaterTextsHaveThePlacesOfTheValues) {
  folder_.Write("options",
                "max-errors = 7\nlisten = 192.0.2.1:25,tls\n"
                "[listen [::1]:25]\ntls = yes\nciphers = x\n");
  const std::string file = folder_.File("options");
  variables_["POSTERN_CONTROL"] = "/x";
  EXPECT_EQ(Read({"--mode", "a", "--config", file.c_str()}), "");
  const OptionPlaces places = options_.places();
  const struct {
    const char* text;
    std::string wanted;
  } cases[] = {
      {"--max-errors: bad", file + ":1: max-errors: bad"},
      {"--max-errors is bad", file + ":1: max-errors is bad"},
      {"--control: /x: gone", "POSTERN_CONTROL: /x: gone"},
      {"--mode: bad", "--mode: bad"},
      {"--open-relay: bad", "--open-relay: bad"},
      {"--other: bad", "--other: bad"},
      {"no option", "no option"},
      {"/file: bad", "/file: bad"},
      {"--listen: 192.0.2.1:25: bad", file + ":2: listen: 192.0.2.1:25: bad"},
      {"--listen: [::1]:25: bad", file + ":3: listen: [::1]:25: bad"},
      {"--listen: [::1]:25: ciphers: bad", file + ":5: ciphers: bad"},
      {"--listen: [::1]:25: other: bad",
       file + ":3: listen: [::1]:25: other: bad"},
  };
  for (const auto& [text, wanted] : cases) {
    EXPECT_EQ(places.At(text), wanted);
  }
  options_.Mistake("--max-errors: bad");
  EXPECT_EQ(Mistake(), file + ":1: max-errors: bad");
}

TEST_F(OptionsTest, ChangesHavePlacesAndCanBeUndone) {
  const std::string file = folder_.File("options");
  const auto read = [&](const char* text) {
    folder_.Write("options", text);
    auto options = std::make_unique<Options>(kRows);
    const char* const arguments[] = {"--config", file.c_str()};
    options->Read(arguments, [](const char*) { return nullptr; });
    return options;
  };
  const auto old = read("mode = a\nmax-errors = 7\n[listen x]\ntls = yes\n");
  const auto same = read("\n[listen x]\ntls = yes\ninclude = more\n");
  EXPECT_FALSE(same->status().ok());
  const auto now = read("mode = b\n[listen x]\ntls = no\n");
  const auto changes = now->ChangesFrom(*old);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].option, "max-errors");
  EXPECT_EQ(changes[0].place, "");
  EXPECT_EQ(changes[1].option, "listen");
  EXPECT_EQ(changes[1].place, file + ":2: listen");
  EXPECT_EQ(changes[2].place, file + ":1: mode");
  now->Keep("max-errors", *old);
  EXPECT_EQ(now->Number("max-errors", 1, 1, 1000), 7);
  EXPECT_EQ(now->ChangesFrom(*old).size(), 2u);
}

TEST_F(OptionsTest, HelpTextHasItsOwnColumn) {
  EXPECT_EQ(options_.Help(),
            "  --help                         print this\n"
            "  --config FILE                  more\n"
            "  --control DIR                  a directory\n"
            "  --max-errors N [100]           a number\n"
            "                                 of errors\n"
            "  --open-relay                   a flag\n"
            "  --listen ADDRESS               where\n"
            "  --mode MODE-WITH-A-VERY-LONG-NAME [a]\n"
            "                                 one of two\n");
}

}  // namespace
}  // namespace postern::service
