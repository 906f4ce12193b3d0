// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/token_command.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

class TokenCommandTest : public testing::Test {
 protected:
  TokenCommandTest() {
    options_.report = [this](absl::string_view what) {
      reports_ += std::string(what) + "\n";
    };
  }

  // Makes a program from `script`, which may write to "$0.asked".
  void Run(const std::string& script) {
    path_ = absl::StrCat(testing::TempDir(), "/token-command");
    std::ofstream(path_) << "#!/bin/sh\n" << script << "\n";
    chmod(path_.c_str(), 0755);
    options_.command = {path_};
  }
  std::string Asked() const {
    std::ifstream file(path_ + ".asked");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  // Returns "granted IDENTITY", or the code of the reply.
  std::string Check(const TokenCredentials& credentials,
                    const SessionInfo& session = {}) {
    reports_.clear();
    TokenCommand checker(options_);
    const AuthAnswer answer = checker.Check(credentials, session);
    if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
      return "granted " + granted->identity;
    }
    return absl::StrCat(std::get<Verdict>(answer).reply()->code);
  }

  std::string path_;
  std::string reports_;
  TokenCommandOptions options_;
};

TEST_F(TokenCommandTest, TheProgramGetsTokenUserAndSession) {
  Run("tr '\\0' '|' <&3 >$0.asked; echo \" $1 $TCPREMOTEIP\" >>$0.asked\n"
      "readlink /proc/$$/fd/0 >>$0.asked; echo ann@x.example");
  options_.command.push_back("argument");
  SessionInfo session;
  session.remote_address = IpAddress::Parse("192.0.2.1");
  EXPECT_EQ(Check({"token", "user"}, session), "granted ann@x.example");
  EXPECT_EQ(Asked(), "token|user| argument 192.0.2.1\n/dev/null\n");
  EXPECT_EQ(Check({"token", ""}, session), "granted ann@x.example");
  EXPECT_EQ(Asked(), "token|| argument 192.0.2.1\n/dev/null\n");
  EXPECT_EQ(reports_, "");
}

TEST_F(TokenCommandTest, AcceptsATokenAsLongAsAnAuthLine) {
  Run("wc -c <&3 >$0.asked; echo ann");
  EXPECT_EQ(Check({std::string(9216, 't'), ""}), "granted ann");
  EXPECT_EQ(Asked(), "9218\n");
}

TEST_F(TokenCommandTest, AcceptsExactlyOneLine) {
  constexpr char kNoLine[] =
      "exit code 0, but its output is not one line with a name";
  constexpr char kTooMuch[] = "exit code 0, but its output is too long";
  constexpr char kUnread[] =
      "exit code 0, but it has not read the secret: is it a checker?";
  const struct {
    std::string script;
    std::string result;
    const char* report = "";  // after the program's path
  } cases[] = {
      {"cat <&3 >&2; echo ann", "granted ann"},
      {"cat <&3 >/dev/null; printf ann", "granted ann"},
      {"cat <&3 >/dev/null; printf '\\303\\274\\n'", "granted \xc3\xbc"},
      {"cat <&3 >/dev/null; echo ann; exit 1", "535"},
      {"exit 1", "535"},
      {"exit 3", "535"},
      {"cat <&3 >/dev/null; echo ann; exit 111", "454", "exited with 111"},
      {"cat <&3 >/dev/null; echo ann; exit 2", "454", "exited with 2"},
      {"cat <&3 >/dev/null; echo ann; kill -9 $$", "454",
       "was killed by a signal"},
      {"cat <&3 >/dev/null; echo ann; sleep 600", "454",
       "took too long and was killed"},
      {"echo ann", "454", kUnread},
      {"head -c 5 <&3 >/dev/null; echo ann", "454", kUnread},
      {"head -c 6 <&3 >/dev/null; echo ann", "granted ann"},
      {"cat <&3 >/dev/null", "454", kNoLine},
      {"cat <&3 >/dev/null; echo", "454", kNoLine},
      {"cat <&3 >/dev/null; echo ann; echo bob", "454", kNoLine},
      {"cat <&3 >/dev/null; echo ann; echo", "454", kNoLine},
      {"cat <&3 >/dev/null; printf 'ann\\r\\n'", "454", kNoLine},
      {"cat <&3 >/dev/null; printf 'a\\0b\\n'", "454", kNoLine},
      {"cat <&3 >/dev/null; printf '\\377\\n'", "454", kNoLine},
      {"cat <&3 >/dev/null; printf '%0511d\\n' 0",
       "granted " + std::string(511, '0')},
      {"cat <&3 >/dev/null; printf '%0512d\\n' 0", "454", kTooMuch},
      // More than a pipe holds: neither process blocks.
      {"cat <&3 >/dev/null; head -c 1000000 /dev/zero", "454", kTooMuch},
      // A child of the program keeps the pipe open: its end is not waited for.
      {"cat <&3 >/dev/null; echo ann; sleep 5 &", "granted ann"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.script);
    Run(c.script);
    const bool slow = c.script.find("sleep 600") != std::string::npos;
    options_.timeout = slow ? absl::Milliseconds(100) : absl::Seconds(60);
    EXPECT_EQ(Check({"token", "user"}), c.result);
    EXPECT_EQ(reports_, *c.report == '\0'
                            ? ""
                            : absl::StrCat(path_, ": ", c.report, "\n"));
  }
}

TEST_F(TokenCommandTest, ReportsThatTheProgramDoesNotExist) {
  options_.command = {"/nowhere/checker"};
  EXPECT_EQ(Check({"token", ""}), "454");
  EXPECT_EQ(reports_, "/nowhere/checker: No such file or directory\n");
}

TEST_F(TokenCommandTest, WithoutAReportTheReasonIsDropped) {
  options_ = {};
  options_.command = {"/nowhere/checker"};
  EXPECT_EQ(Check({"token", ""}), "454");
}

}  // namespace
}  // namespace postern::auth
