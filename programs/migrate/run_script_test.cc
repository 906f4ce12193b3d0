// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/run_script.h"

#include <iterator>
#include <random>
#include <string>
#include <utility>
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
    directory_.MakeDirectory("service/smtp");
    directory_.Write("service/smtp/number", "30\n");
    directory_.Write("service/smtp/sets", "N=40\n");
  }

  RunScript Read(absl::string_view text) {
    RunScript script = ReadRunScript(
        "run", text, files_,
        [](auto name) { return name == "tcpserver" || name == "env"; },
        "/service/smtp");
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

  // Returns the environment of the only server: A=1, or ?A if it is unknown.
  std::string Environment(absl::string_view text) {
    const RunScript script = Read(text);
    if (script.servers.size() != 1) {
      return absl::StrCat(script.servers.size(), " servers");
    }
    std::vector<std::string> variables;
    for (const auto& [name, value] : script.servers[0].environment) {
      variables.push_back(value.known() ? absl::StrCat(name, "=", value.text)
                                        : absl::StrCat("?", name));
    }
    return absl::StrJoin(variables, " ");
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
      {"tcpserver '' \"\" \"a\\bc\"", "[tcpserver][][][a\\bc]"},
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
      // Without exec, and with '&', the shell goes on.
      {"exec tcpserver x &\nexit 0", "[tcpserver][x]"},
      {"exec echo &\nexec tcpserver x", "[tcpserver][x]"},
      {"exec tcpserver x | multilog t\nA=1", "[tcpserver][x]"},
      // Redirections take one word.
      {"tcpserver >1file x", "[tcpserver][x]"},
      {"tcpserver >& 2 x >&2 y 2>>/log z", "[tcpserver][x][y][z]"},
      // Assignments do not divide their value; a pattern is one where it is
      // used.
      {"A='x   y'\nB=$A\ntcpserver \"$B\"", "[tcpserver][x   y]"},
      {"A=1 B=$A\ntcpserver $B", "[tcpserver][1]"},
      {"A='*'\ntcpserver \"$A\" $A", "[tcpserver][*]?[*]"},
      {"A=a:b\nIFS=:\ntcpserver $A \"$A\"", "[tcpserver]?[a:b][a:b]"},
      {"A=\n: ${A:=x}\ntcpserver $A", "[tcpserver][x]"},
      {"A=1\n: $((A=2))\ntcpserver $A", "[tcpserver]?[$A]"},
      {"tcpserver $(cat /var/qmail/control/number 2 >/dev/null)",
       "[tcpserver]?[$(cat /var/qmail/control/number 2 >/dev/null)]"},
      // Commands of the shell that are not read set what they name.
      {"A=40\nread A </x\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\ndeclare -i A=50\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\nA+=1\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\nprintf -v A x\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\ntouch /x\ntcpserver $A", "[tcpserver][40]"},
      // A pipe of commands that only answer, or have no effect, sets nothing.
      {"A=40\necho x | grep -q x\ntcpserver $A", "[tcpserver][40]"},
      {"A=40\ntouch $((A=1)) | grep -q x\ntcpserver $A", "[tcpserver]?[$A]"},
      // These can set anything.
      {"A=40\neval x\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\n. /none\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\n. ./x\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\n$X\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\nf() { :; }\nf\ntcpserver $A", "[tcpserver]?[$A]"},
      {"A=40\necho() { A=1; }\necho\ntcpserver $A", "[tcpserver]?[$A]"},
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
      // && and || have one rank.
      {"[ 1 = 1 ] || [ 1 = 1 ] && [ 1 = 2 ]", "no"},
      {"[ 1 = 2 ] && [ 1 = 1 ] || [ 1 = 1 ]", "yes"},
      {"! [ 1 = 2 ]", "yes"},
      {"[ -n '' ]", "no"},
      {"[ ! = x ]", "no"},
      // [[ does not divide words.
      {"[[ -n $EMPTY ]]", "no"},
      {"true", "yes"},
      {"false", "no"},
      {"{ [ 1 = 2 ]; }", "no"},
  };
  for (const auto& [condition, word] : kCases) {
    EXPECT_EQ(Server(absl::StrCat("EMPTY=\nif ", condition,
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
  EXPECT_EQ(Server(unknown), "[tcpserver]?[$A]");
  EXPECT_THAT(
      Notes(unknown),
      ElementsAre("run:2: the condition cannot be answered by reading"));
  EXPECT_THAT(Notes("for i in 1 2; do\n  echo $i\ndone\n"),
              ElementsAre("run:1: loops, subshells and case are not read"));
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
  // The last line of a here-document is its delimiter alone, without blanks.
  EXPECT_THAT(Server("cat <<E <<-F\n E\nE\ntcpserver x\n\tF\ntcpserver y"),
              "[tcpserver][y]");
  // Quotes are not a part of the delimiter.
  for (const absl::string_view end : {"'E'", "\"E\"", "\\E"}) {
    EXPECT_EQ(Server(absl::StrCat("cat <<", end, "\ntcpserver x\nE\n",
                                  "tcpserver y")),
              "[tcpserver][y]")
        << end;
  }
  // A pipe of commands that only answer or have no effect is no lack.
  EXPECT_EQ(Notes("echo x | grep -q x\n"), std::vector<std::string>());
  EXPECT_THAT(Notes("touch x | grep -q x\n"),
              ElementsAre("run:1: pipes are not read"));
  EXPECT_THAT(Notes("case x in\nx) A=1 ;;\nesac\nexec tcpserver x"),
              ElementsAre("run:1: loops, subshells and case are not read"));
}

// Where no shell agrees with another, or a word is a pattern.
TEST_F(RunScriptTest, ConditionsWithoutAnAnswer) {
  for (const absl::string_view condition :
       {"[ $X = x ]", "[ x = x -o $X = x ]", "[[ a = a ]]", "[ a == a ]",
        "[[ ab != a* ]]", "[[ a < b ]]", "[[ a = a && b = b ]]", "cmp a b",
        "[ a -nt b ]", "[ x", "[ x -o ]"}) {
    EXPECT_EQ(Server(absl::StrCat("A=1\nif ", condition,
                                  "\nthen A=2; fi\nexec tcpserver $A")),
              "[tcpserver]?[$A]")
        << condition;
  }
  EXPECT_EQ(Server("#!/bin/bash\nA=1\n[[ a == a ]] && A=2\ntcpserver $A"),
            "[tcpserver][2]");
}

// The structure closes where sh closes it. Otherwise nothing after it counts.
TEST_F(RunScriptTest, NothingOfACompoundCommandIsRun) {
  const std::string relay = "export RELAYCLIENT=\"\"\n";
  const std::string within_case =
      absl::StrCat("case \"$MODE\" in\nnormal) : ;;\n(relay|both)\n", relay,
                   ";;\n*) echo ')'\nesac\n");
  for (const std::string& body :
       {relay, within_case,
        absl::StrCat("if x; then\n", within_case, "fi\n")}) {
    for (const auto& [begin, end] :
         std::vector<std::pair<absl::string_view, absl::string_view>>{
             {"if grep -q relay /etc/conf; then\n", "fi\n"},
             {"if grep -q x /etc/x; then :; else\n", "fi </dev/null\n"},
             {"for i in 1 2; do\n", "done\n"},
             {"for i\ndo\n", "done\n"},
             {"while read x; do\n", "done </etc/x\n"},
             {"until x; do\n", "done\n"},
             {"select x in a b; do\n", "done\n"},
             {"x && {\n", "}\n"},
             {"x || {\n", "}\n"},
             {"relay() {\n", "}\nrelay\n"},
             {"relay() (\n", ")\nrelay\n"},
             {"function relay {\n", "}\nrelay\n"},
             {"function relay() {\n", "}\nrelay\n"},
             {"function relay\n{\n", "}\nrelay\n"},
             {"cat /x | while read x; do\n", "done\n"},
             {"{\n", "} >/x\n"}}) {
      const std::string text =
          absl::StrCat(begin, body, end, "exec tcpserver x\n");
      EXPECT_EQ(Environment(text), "?RELAYCLIENT") << text;
      EXPECT_FALSE(Notes(text).empty()) << text;
    }
  }
  for (const absl::string_view open :
       {"if x; then\n", "fi\n", "case x in\n", "x)\n", "((A=1))\n", "a;;\n",
        "x &>/y\n", "{\n", "f() x\n", "for in do\n", "x <(y)\n", "a |& b\n",
        "if; then x; fi\n", "echo 'x\n"}) {
    const std::string text =
        absl::StrCat("A=1\n", open, "export A\nexec tcpserver x\n");
    EXPECT_EQ(Environment(text), "0 servers") << text;
    EXPECT_EQ(Notes(text).size(), 1u) << text;
  }
}

// Whatever surrounds an assignment that may not run, no value is known after
// it.
TEST_F(RunScriptTest, NoNestingMakesAnAssignmentCertain) {
  struct Around {
    absl::string_view begin;
    absl::string_view end;
  };
  const Around kUncertain[] = {
      {"if grep -q x /x; then\n", "fi\n"},
      {"if grep -q x /x; then\n:\nelse\n", "fi\n"},
      {"if [ 1 = 2 ]; then\nfoo\nelif foo; then\n", "fi\n"},
      {"case \"$1\" in\nx) : ;;\ny|z)\n", ";;\nesac\n"},
      {"case $1 in\n(x)\n", "esac\n"},
      {"for i in a b; do\n", "done\n"},
      {"while foo\ndo\n", "done </x\n"},
      {"select i in a; do\n", "done\n"},
      {"f() {\n", "}\nf\n"},
      {"function f {\n", "}\nf\n"},
      {"foo && {\n", "}\n"},
      {"foo ||\n{\n", "} || exit 1\n"},
  };
  const Around kCertain[] = {
      {"{\n", "}\n"},
      {"if [ 1 = 1 ]; then\n", "fi\n"},
      {"[ 1 = 1 ] && {\n", "}\n"},
      {"if [ 1 = 2 ]; then :\nelse\n# it's a comment\n", "fi\n"},
      {"echo 'fi' \"}\" done;", ""},
  };
  constexpr absl::string_view kAssignments[] = {
      "A=2\n",         "export A=2\n",       "read A\n",
      "unset A\n",     "A=2 || exit 1\n",    ". /none\n",
      "eval \"$X\"\n", ": ${A:=2}\n",        ": $((A+=1))\n",
      "A+=2\n",        "X=1 readonly A=2\n", "for A in 1; do :; done\n",
  };
  std::mt19937 random(17);  // NOLINT: the same cases in each run
  const auto pick = [&random](const auto& list) {
    return list[random() % std::size(list)];
  };
  for (int i = 0; i < 1000; ++i) {
    std::string text(pick(kAssignments));
    const unsigned depth = 1 + random() % 5;
    const unsigned uncertain = random() % depth;
    for (unsigned j = 0; j < depth; ++j) {
      const bool certain = j != uncertain && random() % 2 == 0;
      const Around around = certain ? pick(kCertain) : pick(kUncertain);
      text = absl::StrCat(around.begin, text, around.end);
    }
    text = absl::StrCat("export A=1\n", text, "exec tcpserver \"$A\"\n");
    const RunScript script = Read(text);
    ASSERT_EQ(script.servers.size(), 1u) << text;
    const ServerCommand& server = script.servers[0];
    ASSERT_EQ(server.environment.size(), 1u) << text;
    EXPECT_FALSE(server.environment[0].value.known()) << text;
    ASSERT_EQ(server.words.size(), 2u) << text;
    EXPECT_FALSE(server.words[1].known()) << text;
    EXPECT_FALSE(script.notes.empty()) << text;
  }
}

// What stands before `|| exit` has its effect. Only a test is a guard.
TEST_F(RunScriptTest, CommandsBeforeExitAreRun) {
  directory_.Write("defaults", "export A=1\n");
  const struct {
    absl::string_view text;
    absl::string_view environment;
    size_t guards;
    size_t unknown;
  } kCases[] = {
      {"export A=1 || exit 111", "A=1", 0, 0},
      {". /defaults || exit 1", "A=1", 0, 0},
      {". /defaults && exit 1", "0 servers", 0, 0},
      {"if ! . /defaults; then exit 1; fi", "A=1", 0, 0},
      {". /none || exit 1", "", 0, 1},
      {"A=$(cat /var/qmail/control/number) || exit 1; export A", "A=20", 0, 0},
      {"A=$(foo) || exit 1; export A", "?A", 1, 0},
      {"cd /x || exit 1", "", 1, 0},
      {"ulimit -v 1 || { echo no; exit 1; }", "", 1, 0},
      {"foo || exit 1", "", 0, 1},
      {"export A=1; if read A; then exit 1; fi", "?A", 0, 1},
      {"grep -q x /x || exit 1", "", 1, 0},
      {"mountpoint -q /x || { echo no >&2; exit 1; }", "", 1, 0},
      {"grep -q x /x || { A=2; exit 1; }", "", 0, 1},
      {"grep -q x /x && export A=1 || exit 1", "?A", 0, 1},
  };
  for (const auto& [text, environment, guards, unknown] : kCases) {
    const std::string script = absl::StrCat(text, "\nexec tcpserver x\n");
    EXPECT_EQ(Environment(script), environment) << text;
    size_t of_kind[2] = {0, 0};
    for (const Note& note : Read(script).notes) {
      ++of_kind[note.kind == Note::Kind::kGuard ? 1 : 0];
    }
    EXPECT_EQ(of_kind[1], guards) << text;
    EXPECT_EQ(of_kind[0], unknown) << text;
  }
  const RunScript script = Read("cd /x || exit 1\nexec tcpserver x\n");
  ASSERT_EQ(script.servers[0].shell.size(), 1u);
  EXPECT_EQ(script.servers[0].shell[0][1].text, "/x");
}

TEST_F(RunScriptTest, ExportsAreThoseOfTheShell) {
  directory_.Write("defaults", "A=1\nB=2\n");
  const struct {
    absl::string_view text;
    absl::string_view environment;
  } kCases[] = {
      {"set -a\n. /defaults\nset +a\nC=3", "A=1 B=2"},
      {"set -o allexport; A=1; set +o allexport; B=2", "A=1"},
      {"set -ea\nA=1", "A=1"},
      {"set -e\nA=1", ""},
      {"set -e a\nA=1", ""},
      {"set $X\nA=1", "?A"},
      {"#!/bin/sh -a\nA=1", "A=1"},
      {"export A\nA=1", "A=1"},
      {"export A", ""},
      {"export A=1\nexport -n A", ""},
      {"export A=1\nunset A\nA=2", ""},
      {"readonly A=1", ""},
      {"export A\nreadonly A=1", "A=1"},
      {"export -- A=1", "A=1"},
      {"A=1\nexport -f A", "?A"},
      {"A=1\nV=A\nexport $V", "A=1"},
      {"if foo; then export A=1; fi", "?A"},
      {"export A=1\nif foo; then unset A; fi", "?A"},
      {"if foo; then export A; fi\nA=1", "?A"},
      {"if foo; then set -a; fi\nA=1", "?A"},
      {"A=1\ndeclare -x A", "?A"},
      {"export A=1\n. /none", "?A"},
      {"export A=$X", "?A"},
      {"A=1 export B=2", "B=2"},
      {"export A=1\nA=2 &", "A=1"},
      {"export A=1\nexport A=2 | logger", "?A"},
      {"A=1\nset -a\n: $((A=2))", "?A"},
      {"A=1\nexport $X", "?A"},
      {"A=1\nif foo; then export $X; fi", "?A"},
      {": ${A:=1}\nexport $X", "?A"},
      {"A=1\neval x\nif foo; then set -a; fi\n. /none", "?A"},
  };
  for (const auto& [text, environment] : kCases) {
    EXPECT_EQ(Environment(absl::StrCat(text, "\nexec tcpserver x\n")),
              environment)
        << text;
  }
  EXPECT_THAT(Notes("export $X\n"),
              ElementsAre("run:1: a word of export is not known: $X"));
  EXPECT_THAT(Notes("set -k\n"),
              ElementsAre("run:1: an option of set is not known"));
  EXPECT_THAT(Notes("unset $X\n"),
              ElementsAre("run:1: a word of unset is not known: $X"));
}

TEST_F(RunScriptTest, RelativePathsBeginInTheDirectoryOfTheScript) {
  constexpr absl::string_view kUnknown = "?[$(cat ./number)]";
  const struct {
    absl::string_view before;
    absl::string_view word;
  } kCases[] = {
      {"", "[30]"},
      {"cd /var/qmail/control", "[20]"},
      {"cd /var/qmail/control; umask 77", "[20]"},
      // It may fail, and then the directory is another one.
      {"cd /none", kUnknown},
      {"cd ..", kUnknown},
      {"cd $UNKNOWN", kUnknown},
      {"if grep x /y; then cd /var/qmail/control; fi", kUnknown},
      {"grep x /y && cd /var/qmail/control", kUnknown},
      {"pushd /var/qmail/control", kUnknown},
      {"(cd /var/qmail/control)", kUnknown},
      {"f() { cd /; }\nf", kUnknown},
      {"eval $UNKNOWN", kUnknown},
      {". /none", kUnknown},
  };
  for (const auto& [before, word] : kCases) {
    EXPECT_EQ(Server(absl::StrCat(before, "\ntcpserver $(cat ./number)")),
              absl::StrCat("[tcpserver]", word))
        << before;
  }
  EXPECT_EQ(Server("tcpserver `head -1 number`"), "[tcpserver][30]");
  EXPECT_EQ(Server("[ -f ./number ] && N=1\ntcpserver $N"), "[tcpserver][1]");
  EXPECT_EQ(Server("[ -f none ] || N=1\ntcpserver $N"), "[tcpserver][1]");
  EXPECT_EQ(Server(". ./sets\ntcpserver $N"), "[tcpserver][40]");
  // sh looks for it in PATH.
  EXPECT_EQ(Server(". sets\ntcpserver $N"), "[tcpserver]?[$N]");
}

TEST_F(RunScriptTest, PipeRedirectionsAndBackgroundAreReported) {
  const RunScript script = Read(
      "exec </dev/null 2>/x\n"
      "tcpserver a 2>&1 >> /log | tai64n | splogger smtpd 3 >/y &\n"
      "exec tcpserver b\n");
  ASSERT_EQ(script.servers.size(), 2u);
  const ServerCommand& server = script.servers[0];
  ASSERT_EQ(server.shell_redirections.size(), 2u);
  EXPECT_EQ(server.shell_redirections[1].sign, "2>");
  EXPECT_EQ(server.shell_redirections[1].target.text, "/x");
  ASSERT_EQ(server.redirections.size(), 2u);
  EXPECT_EQ(server.redirections[0].sign, "2>&");
  EXPECT_EQ(server.redirections[0].target.text, "1");
  EXPECT_EQ(server.redirections[1].sign, ">>");
  EXPECT_EQ(server.redirections[1].target.text, "/log");
  ASSERT_EQ(server.pipe.size(), 2u);
  EXPECT_EQ(server.pipe[0].words[0].text, "tai64n");
  EXPECT_EQ(server.pipe[1].words[2].text, "3");
  ASSERT_EQ(server.pipe[1].redirections.size(), 1u);
  EXPECT_TRUE(server.background);
  EXPECT_TRUE(server.log_on_output);
  EXPECT_FALSE(script.servers[1].background);
  EXPECT_FALSE(script.servers[1].log_on_output);
  EXPECT_THAT(script.servers[1].pipe, IsEmpty());
  EXPECT_THAT(Notes("tcpserver a | mail root\n"),
              ElementsAre("run:1: pipes are not read"));
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
  directory_.Write("return.sh", "A=1\nreturn\nA=2\n");
  EXPECT_EQ(Server(". /return.sh\ntcpserver $A"), "[tcpserver][1]");
  directory_.Write("maybe.sh", "A=1\nfoo && return\nA=2\n");
  EXPECT_EQ(Server(". /maybe.sh\ntcpserver $A"), "[tcpserver]?[$A]");
  directory_.Write("twice.sh", ". /twice.sh\n. /twice.sh\n. /twice.sh\n");
  EXPECT_LT(Notes(". /twice.sh\n").size(), 1000u);
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

// What the process that starts the script may have, and the server does not.
TEST_F(RunScriptTest, RemovedVariablesAreThoseThatTheServerLacks) {
  directory_.Write("service/smtp/removes", "unset B\n");
  const struct {
    absl::string_view text;
    absl::string_view removed;
  } kCases[] = {
      {"unset A", "A"},
      {"unset B A", "A B"},
      {"unset -v A", "A"},
      {"unset -f A", ""},
      {"export -n A", "A"},
      {"A=1\nexport A\nunset A", "A"},
      {"unset A\nA=1", "A"},
      {"unset A\nexport A", "A"},
      {"unset A\nexport A=1", ""},
      {"unset A\nA=1\nexport A", ""},
      {"unset A\nset -a\nA=1", ""},
      {"export A=1\nexport -n A", "A"},
      {". ./removes", "B"},
      {"(unset A)", ""},
      {"false && unset A", ""},
  };
  for (const auto& each : kCases) {
    const RunScript script = Read(absl::StrCat(each.text, "\ntcpserver\n"));
    ASSERT_EQ(script.servers.size(), 1) << each.text;
    std::vector<std::string> names;
    for (const RemovedVariable& removed : script.servers[0].removed) {
      names.push_back(removed.name);
      EXPECT_NE(removed.place.line, 0);
    }
    EXPECT_EQ(absl::StrJoin(names, " "), each.removed) << each.text;
  }
  EXPECT_EQ(Environment("case $X in a) unset A;; esac\ntcpserver"), "?A");
  for (const auto& [text, inherited] : {std::pair("export A", "A"),
                                        {"export A\nA=1", ""},
                                        {"unset A\nexport A", ""},
                                        {"A=1", ""},
                                        {"export A=1", ""}}) {
    const RunScript script = Read(absl::StrCat(text, "\ntcpserver\n"));
    ASSERT_EQ(script.servers.size(), 1) << text;
    std::string names;
    for (const Variable& each : script.servers[0].inherited) {
      names += each.name;
      EXPECT_FALSE(each.value.known());
      EXPECT_EQ(each.value.place.line, 1);
    }
    EXPECT_EQ(names, inherited) << text;
  }
  EXPECT_EQ(Environment("read A </x\nexport A\ntcpserver"), "?A");
  EXPECT_EQ(Environment("for A in 1 2; do :; done\nexport A\ntcpserver"), "?A");
}

TEST_F(RunScriptTest, WhatMayChangeAnyVariableIsReported) {
  directory_.Write("service/smtp/known", "A=1\n");
  directory_.Write("service/smtp/evals", "\neval $X\n");
  const struct {
    absl::string_view text;
    absl::string_view unread;
  } kCases[] = {
      {". ./known", ""},
      {". /none",
       "run:1: /none cannot be read: it may set or remove any "
       "variable"},
      {". ./evals",
       "/service/smtp/evals:2: line 2 may set or remove any "
       "variable"},
      {".", "run:1: the file is not read: it may set or remove any variable"},
      {"eval x", "run:1: line 1 may set or remove any variable"},
      {"eval x; eval y", "run:1: line 1 may set or remove any variable"},
      {"if $X; then\n. ./known\nfi",
       "run:1: line 1 may set or remove any variable"},
      {"f() { A=1; }", ""},
      {"f() { A=1; }\nf", "run:2: line 2 may set or remove any variable"},
      {"unset $X", "run:1: unset has a word that is not known"},
      {"export $X", "run:1: line 1 names a variable that is not known"},
      {"while x; do\nexport $X=1\ndone",
       "run:2: line 2 names a variable that is not known"},
      {"touch /x\ncp a b\nmkdir $X", ""},
  };
  for (const auto& each : kCases) {
    const RunScript script = Read(absl::StrCat(each.text, "\ntcpserver\n"));
    ASSERT_EQ(script.servers.size(), 1) << each.text;
    std::vector<std::string> unread;
    for (const Word& word : script.servers[0].unread) {
      unread.push_back(absl::StrCat(word.place.Format(), ": ", word.unknown));
    }
    if (each.unread.empty()) {
      EXPECT_THAT(unread, IsEmpty()) << each.text;
    } else {
      ASSERT_FALSE(unread.empty()) << each.text;
      EXPECT_EQ(unread[0], each.unread) << each.text;
    }
  }
}

TEST_F(RunScriptTest, DeepNestingHasALimit) {
  const auto nested = [](absl::string_view open, absl::string_view close) {
    std::string text = "X=\ntcpserver ";
    for (int i = 0; i < 20000; ++i) absl::StrAppend(&text, open);
    text += "x";
    for (int i = 0; i < 20000; ++i) absl::StrAppend(&text, close);
    return text;
  };
  for (const auto& [open, close] :
       {std::pair("$(", ")"), {"${X:-", "}"}, {"${X:-\"", "\"}"}}) {
    const RunScript script = Read(nested(open, close));
    ASSERT_EQ(script.servers.size(), 1);
    ASSERT_EQ(script.servers[0].words.size(), 2);
    EXPECT_FALSE(script.servers[0].words[1].known());
  }
  std::string test = "[ ";
  for (int i = 0; i < 60000; ++i) test += "! ";
  EXPECT_THAT(Notes(absl::StrCat("if ", test, "x ]; then A=1; fi\n")),
              ElementsAre("run:1: the condition cannot be answered by "
                          "reading"));
  EXPECT_EQ(Server("tcpserver \"${X:-a}\" $(cat $(echo x))"),
            "[tcpserver]?[$X]?[$(cat $(echo x))]");
}

TEST_F(RunScriptTest, OnlyScriptsOfShAreRead) {
  for (const absl::string_view first :
       {"#!/command/execlineb -P", "#!/bin/csh", "#!/usr/bin/env perl"}) {
    const RunScript script = Read(absl::StrCat(first, "\ntcpserver 0 25 x\n"));
    EXPECT_TRUE(script.servers.empty());
    ASSERT_EQ(script.notes.size(), 1);
    EXPECT_EQ(script.notes[0].text, first);
  }
  for (const absl::string_view first :
       {"#!/bin/sh", "#!/bin/bash -p", "#!/usr/bin/env sh", "#!", "",
        "#!/bin/busybox ash"}) {
    EXPECT_EQ(Server(absl::StrCat(first, "\ntcpserver 0\n")), "[tcpserver][0]")
        << first;
  }
}

}  // namespace
}  // namespace postern::programs::migrate
