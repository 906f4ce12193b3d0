// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/run_script.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "programs/migrate/site_files.h"

namespace postern::programs::migrate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RunScriptTest : public testing::Test {
 protected:
  RunScriptTest() : files_(directory_.path(), "") {
    directory_.MakeDirectory("var/qmail/control");
    directory_.Write("var/qmail/control/me", "mx.example.org\nsecond\n");
    directory_.Write("var/qmail/control/number", "20\n");
  }

  RunScript Read(absl::string_view text) {
    RunScript script = ReadRunScript("run", text, files_, [](auto name) {
      return name == "tcpserver" || name == "env";
    });
    for (const LineState state : script.lines) {
      EXPECT_NE(state, LineState::kUnseen) << text;
    }
    return script;
  }

  // Returns the words of the only server. An unknown word has a '?' before it.
  std::string Server(absl::string_view text) {
    const RunScript script = Read(text);
    if (script.servers.size() != 1) {
      return absl::StrCat(script.servers.size(), " servers");
    }
    std::vector<std::string> words;
    for (const Word& word : script.servers[0].words) {
      words.push_back(
          absl::StrCat(word.known() ? "" : "?", "[", word.text, "]"));
    }
    return absl::StrJoin(words, "");
  }

  std::vector<std::string> Notes(absl::string_view text) {
    std::vector<std::string> notes;
    for (const Note& note : Read(text).notes) {
      notes.push_back(absl::StrCat(note.place.Format(), ": ", note.why));
    }
    return notes;
  }

  files::TestDirectory directory_;
  const SiteFiles files_;
};

TEST_F(RunScriptTest, WordsAreThoseOfTheShell) {
  const struct {
    absl::string_view text;
    absl::string_view words;
  } kCases[] = {
      {"exec tcpserver 0 smtp x", "[tcpserver][0][smtp][x]"},
      {"tcpserver 'a  b' \"c d\" e\\ f", "[tcpserver][a  b][c d][e f]"},
      {"tcpserver \\\n  0 \\\n  smtp", "[tcpserver][0][smtp]"},
      {"A='-v -R'\ntcpserver $A \"$A\"", "[tcpserver][-v][-R][-v -R]"},
      {"A=x\ntcpserver ${A}y $A'z'", "[tcpserver][xy][xz]"},
      {"A=\ntcpserver $A \"$A\" ${A:-d} ${A-e}", "[tcpserver][][d]"},
      {"tcpserver '$A' \\$B", "[tcpserver][$A][$B]"},
      {"tcpserver $A", "[tcpserver]?[$A]"},
      {"tcpserver $1 $$ *.x ~/x", "[tcpserver]?[$1]?[$$]?[*.x]?[~/x]"},
      {"tcpserver x # comment", "[tcpserver][x]"},
      {"tcpserver a#b", "[tcpserver][a#b]"},
      {"tcpserver x 2>&1 >/dev/null y", "[tcpserver][x][y]"},
      {"tcpserver `cat /var/qmail/control/number`", "[tcpserver][20]"},
      {"tcpserver $(head -1 /var/qmail/control/me)",
       "[tcpserver][mx.example.org]"},
      {"tcpserver \"`head -n 1 \"/var/qmail/control/me\" 2>/dev/null`\"",
       "[tcpserver][mx.example.org]"},
      {"tcpserver $(cat /var/qmail/control/none)",
       "[tcpserver]?[$(cat /var/qmail/control/none)]"},
      {"tcpserver $(cat /var/qmail/control/me | tr a b)",
       "[tcpserver]?[$(cat /var/qmail/control/me | tr a b)]"},
      {"U=`id -u qmaild`\ntcpserver -u \"$U\"",
       "[tcpserver][-u][$(id -u qmaild)]"},
      {"tcpserver -u$(id -u qmaild)", "[tcpserver]?[-u$(id -u qmaild)]"},
      {"tcpserver | multilog t ./main", "[tcpserver]"},
      {"tcpserver 2>&1 &", "[tcpserver]"},
      {"exec tcpserver x\nexec tcpserver y", "[tcpserver][x]"},
      {"exit 0\ntcpserver x", "0 servers"},
  };
  for (const auto& [text, words] : kCases) {
    EXPECT_EQ(Server(text), words) << text;
  }
}

TEST_F(RunScriptTest, ConditionsThatFilesAnswerChooseTheBranch) {
  const struct {
    absl::string_view condition;
    absl::string_view word;
  } kCases[] = {
      {"[ -f /var/qmail/control/me ]", "yes"},
      {"[ ! -f /var/qmail/control/me ]", "no"},
      {"test -e /none", "no"},
      {"[ -z \"\" ]", "yes"},
      {"[ -n \"\" -o x = x ]", "yes"},
      {"[ a = b ] || [ -d /var/qmail/control ]", "yes"},
      {"[ -z \"$A\" ] && [ -f /none ]", "no"},
      {"[ 3 -gt 4 ]", "no"},
  };
  for (const auto& [condition, word] : kCases) {
    EXPECT_EQ(Server(absl::StrCat("if ", condition,
                                  "\nthen A=yes\nelse A=no\nfi\n"
                                  "exec tcpserver $A")),
              absl::StrCat("[tcpserver][", word, "]"))
        << condition;
  }
}

// What cannot be answered is named, and the variables that it sets are not
// known afterwards.
TEST_F(RunScriptTest, NothingIsGuessed) {
  const std::string unknown =
      "A=1\nif grep -q x /etc/passwd; then\n  A=2\nfi\nexec tcpserver $A\n";
  EXPECT_EQ(Server(unknown), "[tcpserver]?[A=2]");
  EXPECT_THAT(
      Notes(unknown),
      ElementsAre("run:2: the condition cannot be answered by reading"));
  EXPECT_THAT(Notes("for i in 1 2; do\n  echo $i\ndone\n"),
              ElementsAre("run:1: loops, groups and case are not read"));
  EXPECT_THAT(Notes("f() {\n  exec tcpserver\n}\n"),
              ElementsAre("run:1: functions are not read"));
  EXPECT_THAT(Notes("A=1\nmodprobe x\n"),
              ElementsAre("run:2: the command is not executed, and its effect "
                          "is not known"));
  EXPECT_THAT(Notes("A=1\necho 'x\ntcpserver\n"),
              ElementsAre("run:2: a quote or a substitution has no end"));
  EXPECT_THAT(Notes("cat <<E\ntcpserver\nE\n"),
              ElementsAre("run:1: here-documents are not read",
                          "run:1: the command is not executed, and its effect "
                          "is not known"));
  EXPECT_THAT(Notes("case x in\nx) A=1 ;;\nesac\nexec tcpserver x"),
              ElementsAre("run:1: loops, groups and case are not read"));
}

TEST_F(RunScriptTest, GuardsAreUnderstood) {
  const RunScript script = Read(
      "if [ -z \"$A\" -o -z \"$B\" ]; then\n  echo no A >&2\n  exit 1\nfi\n"
      "[ -n \"$A\" ] || exit 1\n"
      "[ -n \"$A\" ] && [ -n \"$B\" ] || exit 1\nexec tcpserver x\n");
  ASSERT_EQ(script.notes.size(), 3u);
  EXPECT_EQ(script.notes[0].kind, Note::Kind::kGuard);
  EXPECT_EQ(script.notes[1].kind, Note::Kind::kGuard);
  EXPECT_EQ(script.notes[2].kind, Note::Kind::kGuard);
  EXPECT_EQ(script.servers.size(), 1u);
}

TEST_F(RunScriptTest, OnlyExportedVariablesReachTheServer) {
  const RunScript script = Read(
      "A=1\nexport A B=2\nC=3\nunset A\nexec 2>&1\numask 022\n"
      "D=4 exec tcpserver x\n");
  ASSERT_EQ(script.servers.size(), 1u);
  std::vector<std::string> names;
  for (const Variable& variable : script.servers[0].environment) {
    names.push_back(absl::StrCat(variable.name, "=", variable.value.text));
  }
  EXPECT_THAT(names, ElementsAre("B=2", "D=4"));
  EXPECT_TRUE(script.servers[0].log_on_output);
  ASSERT_EQ(script.servers[0].shell.size(), 1u);
  EXPECT_EQ(script.servers[0].shell[0][1].text, "022");
  EXPECT_THAT(script.notes, IsEmpty());
}

TEST_F(RunScriptTest, IncludedFilesAreReadOnceEachLevel) {
  directory_.Write("etc.sh", "A=1\nB=$(date)\n");
  directory_.Write("loop.sh", ". /loop.sh\n");
  EXPECT_EQ(Server(". /etc.sh\ntcpserver $A"), "[tcpserver][1]");
  EXPECT_THAT(Notes(". /loop.sh\n"),
              ElementsAre("/loop.sh:1: the file is not read"));
  EXPECT_THAT(Notes(". /none.sh\n"),
              ElementsAre("run:1: /none.sh cannot be read"));
}

// A variable that doubles itself would exhaust the memory.
TEST_F(RunScriptTest, ValuesHaveALimit) {
  std::string text = "A=xxxxxxxxxxxxxxxx\n";
  for (int i = 0; i < 40; ++i) text += "A=\"$A$A\"\n";
  text += "tcpserver \"$A\"\n";
  const RunScript script = Read(text);
  ASSERT_EQ(script.servers.size(), 1u);
  EXPECT_FALSE(script.servers[0].words[1].known());
}

}  // namespace
}  // namespace postern::programs::migrate
