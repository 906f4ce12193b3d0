// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checkpassword.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

using CramMd5 = CheckpasswordOptions::CramMd5;

// Writes the octets of descriptor 3, with '|' for NUL, to the file "asked".
// Accepts a|b||.
constexpr char kChecker[] = R"(#!/bin/sh
asked=$(tr '\0' '|' <&3)
echo "$asked" > "${0%/*}/asked"
case $asked in "a|b||") exec "$@";; *) exit 1;; esac
)";

class CheckpasswordTest : public testing::Test {
 protected:
  CheckpasswordTest() {
    options_.report = [this](absl::string_view what) {
      reports_ += std::string(what) + "\n";
    };
    options_.command = {Script("checker", kChecker), "true"};
    directory_ = testing::TempDir();
  }

  // Makes a program and returns its path.
  static std::string Script(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(testing::TempDir(), "/", name);
    std::ofstream(path) << text;
    chmod(path.c_str(), 0755);
    return path;
  }
  static std::string Read(const std::string& name) {
    std::ifstream file(absl::StrCat(testing::TempDir(), "/", name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  // Returns "granted IDENTITY", or the code of the reply.
  std::string Check(const PasswordCredentials& credentials,
                    const SessionInfo& session = {}) {
    Checkpassword checker(options_);
    const AuthAnswer answer = checker.Check(credentials, session);
    if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
      return "granted " + granted->identity;
    }
    return absl::StrCat(std::get<Verdict>(answer).reply()->code);
  }

  std::string directory_;
  std::string reports_;
  CheckpasswordOptions options_;
};

TEST_F(CheckpasswordTest, RunsTheProgram) {
  EXPECT_EQ(Check({"a", "b", ""}), "granted a");
  EXPECT_EQ(Read("asked"), "a|b||\n");
  EXPECT_EQ(Check({"a", "x", ""}), "535");
  EXPECT_EQ(Read("asked"), "a|x||\n");
  EXPECT_EQ(reports_, "");
}

TEST_F(CheckpasswordTest, SendsTheFieldsOfCramMd5InTheConfiguredOrder) {
  options_.cram_md5 = CramMd5::kChallengeResponse;
  EXPECT_EQ(Check({"a", "digest", "<challenge>"}), "535");
  EXPECT_EQ(Read("asked"), "a|<challenge>|digest|\n");
  options_.cram_md5 = CramMd5::kResponseChallenge;
  EXPECT_EQ(Check({"a", "digest", "<challenge>"}), "535");
  EXPECT_EQ(Read("asked"), "a|digest|<challenge>|\n");
}

TEST_F(CheckpasswordTest, AnOutageIsNotAWrongPassword) {
  struct Row {
    const char* script;
    const char* result;
    const char* report;  // after the program's path
  };
  for (const Row& row : {
           Row{"cat <&3 >/dev/null; exit 0", "granted a", ""},
           Row{"exit 1", "535", ""},
           Row{"exit 3", "535", ""},
           Row{"exit 23", "535", ""},
           Row{"exit 4", "454", "exited with 4"},
           Row{"exit 111", "454", "exited with 111"},
           Row{"exit 2", "454", "exited with 2"},
           Row{"exit 100", "454", "exited with 100"},
           Row{"kill -9 $$", "454", "was killed by a signal"},
           Row{"sleep 600", "454", "took too long and was killed"},
           Row{"exit 0", "454",
               "exit code 0, but it has not read the secret: is it a checker?"},
           Row{"head -c 3 <&3 >/dev/null", "454",
               "exit code 0, but it has not read the secret: is it a checker?"},
           Row{"head -c 4 <&3 >/dev/null", "granted a", ""},
       }) {
    reports_.clear();
    const std::string path =
        Script("row", absl::StrCat("#!/bin/sh\n", row.script, "\n"));
    options_.command = {path, "true"};
    options_.timeout = absl::string_view(row.script) == "sleep 600"
                           ? absl::Milliseconds(50)
                           : absl::Seconds(60);
    EXPECT_EQ(Check({"a", "b", ""}), row.result) << row.script;
    EXPECT_EQ(reports_, *row.report == '\0'
                            ? ""
                            : absl::StrCat(path, ": ", row.report, "\n"));
  }
}

TEST_F(CheckpasswordTest, RequiresThatAllFieldsOfCramMd5AreRead) {
  options_.cram_md5 = CramMd5::kChallengeResponse;
  options_.command = {Script("row", "#!/bin/sh\nhead -c 6 <&3 >/dev/null\n"),
                      "true"};
  EXPECT_EQ(Check({"a", "d", "c"}), "granted a");  // a NUL c NUL d NUL
  options_.command = {Script("row", "#!/bin/sh\nhead -c 5 <&3 >/dev/null\n"),
                      "true"};
  EXPECT_EQ(Check({"a", "d", "c"}), "454");
}

TEST_F(CheckpasswordTest, ReportsThatTheProgramDoesNotExist) {
  options_.command = {"/nowhere/checker", "true"};
  EXPECT_EQ(Check({"a", "b", ""}), "454");
  EXPECT_EQ(reports_, "/nowhere/checker: No such file or directory\n");
}

TEST_F(CheckpasswordTest, WithoutAReportTheReasonIsDropped) {
  options_ = {};
  options_.command = {"/nowhere/checker", "true"};
  EXPECT_EQ(Check({"a", "b", ""}), "454");
}

TEST_F(CheckpasswordTest, RefusesMoreOctetsThanProgramsRead) {
  options_.command = {Script("row", "#!/bin/sh\nwc -c <&3 >${0%/*}/asked\n"),
                      "true"};
  EXPECT_EQ(Check({"a", std::string(508, 'x'), ""}), "granted a");
  EXPECT_EQ(Read("asked"), "512\n");
  EXPECT_EQ(Check({"a", std::string(509, 'x'), ""}), "535");
}

TEST_F(CheckpasswordTest, TheProgramGetsTheSessionButNotTheConnection) {
  options_.command = {
      Script("row",
             "#!/bin/sh\ncat <&3 >/dev/null\n"
             "in=$(readlink /proc/$$/fd/0)\nout=$(readlink /proc/$$/fd/1)\n"
             "echo \"$1 $TCPREMOTEIP $FOO $in $out\" >${0%/*}/asked\n"),
      "argument"};
  SessionInfo session;
  session.remote_address = IpAddress::Parse("192.0.2.1");
  session.environment = {{"FOO", "bar"}};
  EXPECT_EQ(Check({"a", "b", ""}, session), "granted a");
  EXPECT_EQ(Read("asked"), "argument 192.0.2.1 bar /dev/null /dev/null\n");
}

TEST_F(CheckpasswordTest, OffersTheMechanismsThatTheProgramSupports) {
  const auto names = [this] {
    std::string result;
    for (const Mechanism& mechanism :
         CheckpasswordBackend(options_).mechanisms()) {
      absl::StrAppend(&result, mechanism.name,
                      mechanism.shows_secret ? "! " : " ");
    }
    return result;
  };
  const auto session = std::make_shared<const SessionInfo>();
  EXPECT_EQ(names(), "PLAIN! LOGIN! ");
  EXPECT_EQ(CheckpasswordBackend(options_).Begin("CRAM-MD5", session), nullptr);
  options_.cram_md5 = CramMd5::kResponseChallenge;
  EXPECT_EQ(names(), "CRAM-MD5 PLAIN! LOGIN! ");
  CheckpasswordBackend backend(options_);
  for (const Mechanism& mechanism : backend.mechanisms()) {
    EXPECT_NE(backend.Begin(mechanism.name, session), nullptr);
  }
}

}  // namespace
}  // namespace postern::auth
