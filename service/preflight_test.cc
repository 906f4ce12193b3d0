// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/preflight.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::service {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Severity = Finding::Severity;

class PreflightTest : public testing::Test {
 protected:
  PreflightTest() { unsetenv("QMAILQUEUE"); }

  // Writes a program. Returns its path.
  std::string Program(const std::string& name, const std::string& text,
                      mode_t mode = 0755) {
    folder_.Write(name, text);
    EXPECT_EQ(chmod(folder_.File(name).c_str(), mode), 0);
    return folder_.File(name);
  }

  std::vector<std::string> Delivery(const std::string& spec) {
    options_.deliver = spec;
    options_.control = folder_.File("control");
    Findings findings;
    CheckDelivery(options_, "mx.example.org", &findings);
    return Texts(findings);
  }

  std::vector<std::string> Rules(bool optional = false) {
    Findings findings;
    CheckRules(folder_.File("rules.cdb"), optional, /*host_names=*/false,
               &findings);
    return Texts(findings);
  }

  // Returns the texts, with a letter for the severity before each.
  static std::vector<std::string> Texts(const Findings& findings) {
    std::vector<std::string> texts;
    for (const Finding& finding : findings.all()) {
      const char* const severity = finding.severity == Severity::kError ? "E "
                                   : finding.severity == Severity::kFault
                                       ? "F "
                                       : "W ";
      texts.push_back(severity + finding.Text());
    }
    return texts;
  }

  files::TestDirectory folder_;
  MailOptions options_;
};

TEST_F(PreflightTest, AProgramMustBeRunnable) {
  const std::string none = folder_.File("none");
  const struct {
    std::string path;
    std::string why;
  } cases[] = {
      {Program("script", "#! /bin/sh -e\n"), ""},
      {Program("binary",
               "\x7f"
               "ELF"),
       ""},
      {"/bin/true", ""},
      {none, "No such file or directory"},
      {folder_.path(), "it is not a file"},
      {Program("data", "#!/bin/sh\n", 0644), "Permission denied"},
      {Program("lost", "#!" + none + " -x\n"),
       "its interpreter " + none + ": No such file or directory"},
      {"", "No such file or directory"},
  };
  for (const auto& [path, why] : cases) {
    Findings findings;
    CheckProgram("--rcptcheck", path, Severity::kError, &findings);
    if (why.empty()) {
      EXPECT_THAT(Texts(findings), IsEmpty());
    } else {
      EXPECT_THAT(Texts(findings),
                  ElementsAre(absl::StrCat("E --rcptcheck: ", path, ": ", why,
                                           "; install the program, or name "
                                           "another one")));
    }
  }
}

TEST_F(PreflightTest, AllProgramsOfTheOptionsAreTested) {
  AuthSpec checker;
  checker.command = {"/none/checker", "/none/sub"};
  AuthSpec tokens;
  tokens.kind = AuthSpec::Kind::kOauth;
  tokens.command = {"/none/tokens", "/none/file"};
  AuthSpec users;
  users.kind = AuthSpec::Kind::kCdb;
  options_.auth.specs = {checker, tokens, users};
  options_.check_options["rcptcheck"] = {"/none/rcptcheck"};
  options_.check_options["validrcptto"] = {"/none/file"};  // no program
  Findings findings;
  CheckPrograms(options_, &findings);
  EXPECT_THAT(Texts(findings),
              ElementsAre(StartsWith("E --auth: /none/checker: "),
                          StartsWith("E --auth: /none/sub: "),
                          StartsWith("E --auth: /none/tokens: "),
                          StartsWith("E --rcptcheck: /none/rcptcheck: ")));
}

TEST_F(PreflightTest, AnArgumentAmongOthersMayBeAFileOfTheChecker) {
  AuthSpec checker;
  checker.command = {"/bin/true", folder_.path(), "/bin/true"};
  options_.auth.specs = {checker};
  Findings findings;
  CheckPrograms(options_, &findings);
  EXPECT_THAT(Texts(findings),
              ElementsAre(StartsWith("W --auth: " + folder_.path() + ": ")));
}

TEST_F(PreflightTest, TheQueueProgramIsFoundAsByTheDelivery) {
  EXPECT_THAT(Delivery("qmail-queue"),
              ElementsAre(StartsWith(
                  "E --deliver: " + folder_.File("bin/qmail-queue") + ": ")));
  folder_.MakeDirectory("bin");
  Program("bin/qmail-queue", "#!/bin/sh\n");
  EXPECT_THAT(Delivery("qmail-queue"), IsEmpty());
  EXPECT_THAT(Delivery("qmail-queue:bin/other"),
              ElementsAre(HasSubstr(folder_.File("bin/other"))));
  EXPECT_THAT(Delivery("qmail-queue:/bin/true"), IsEmpty());
  setenv("QMAILQUEUE", "/none", 1);
  EXPECT_THAT(Delivery("qmail-queue:/bin/true"),
              ElementsAre(HasSubstr("E --deliver: /none: ")));
  setenv("QMAILQUEUE", "", 1);
  EXPECT_THAT(Delivery("qmail-queue"), ElementsAre(StartsWith("E ")));
  unsetenv("QMAILQUEUE");
}

TEST_F(PreflightTest, OneMaildirMustExist) {
  const std::string path = folder_.File("all");
  const std::string none = absl::StrCat(
      "E --deliver: maildir ", path,
      ": No such file or directory; make it with maildirmake ", path);
  EXPECT_THAT(Delivery("catch-all:" + path), ElementsAre(none));
  EXPECT_THAT(Delivery("maildir:" + path), ElementsAre(none));
  folder_.MakeDirectory("all/tmp");
  EXPECT_THAT(Delivery("catch-all:" + path), ElementsAre(none));
  folder_.MakeMaildir("good");
  EXPECT_THAT(Delivery("catch-all:" + folder_.File("good")), IsEmpty());
  // These are mistakes of the option, which MakeDestination() finds.
  EXPECT_THAT(Delivery("catch-all"), IsEmpty());
  EXPECT_THAT(Delivery("nowhere:x"), IsEmpty());
  EXPECT_THAT(Delivery("discard"), IsEmpty());
}

TEST_F(PreflightTest, TheDirectoryOfTheMaildirsMustExist) {
  const std::string store = folder_.File("mail");
  const std::string wrong =
      "--deliver: the directory of the Maildirs, " + store + ": ";
  EXPECT_THAT(Delivery(absl::StrCat("maildir:", store, "/%u")),
              ElementsAre("E " + wrong +
                          "No such file or directory; make it, or mount its "
                          "file system"));
  folder_.MakeDirectory("mail");
  for (const char* pattern : {"/%u", "/%d/%u", "/%u/Maildir"}) {
    EXPECT_THAT(Delivery(absl::StrCat("maildir:", store, pattern)),
                ElementsAre(StartsWith("W " + wrong + "it is empty")));
  }
  folder_.MakeMaildir("mail/ann");
  folder_.MakeDirectory("mail/lost+found");
  EXPECT_THAT(Delivery(absl::StrCat("maildir:", store, "/%u")), IsEmpty());
  folder_.MakeDirectory("mail/bob/new");
  EXPECT_THAT(Delivery(absl::StrCat("maildir:", store, "/%u")),
              ElementsAre(StartsWith("W --deliver: maildir " + store +
                                     "/bob: No such file or directory")));
}

TEST_F(PreflightTest, RulesMustExist) {
  EXPECT_THAT(Rules(), ElementsAre(AllOf(
                           StartsWith("E "), HasSubstr("rules.cdb"),
                           HasSubstr("; make it with postern rules compile"))));
  EXPECT_THAT(Rules(/*optional=*/true), IsEmpty());
  folder_.Write("rules.cdb", "damaged");
  EXPECT_THAT(Rules(/*optional=*/true), ElementsAre(StartsWith("E ")));
}

TEST_F(PreflightTest, ProgramsThatRulesNameAreTested) {
  folder_.WriteCdb(
      "rules.cdb",
      {{"192.0.2.1", std::string("+QMAILQUEUE=/none\0", 18)},
       {"192.0.2.2", std::string("+QMAILQUEUE=/none\0", 18)},
       {"192.0.2.3", std::string("+RCPTCHECK=/none/check\0", 23)},
       {"", std::string("+QMAILQUEUE=/bin/true\0", 22)},
       {"192.0.2.4", std::string("+QMAILQUEUE=bin/relative\0", 25)}});
  EXPECT_THAT(
      Rules(),
      ElementsAre("F " + folder_.File("rules.cdb") +
                      ": rule 192.0.2.1: the program of QMAILQUEUE, /none: No "
                      "such file or directory; install it, or change the rule",
                  HasSubstr("rule 192.0.2.3: the program of RCPTCHECK, "
                            "/none/check: ")));
}

TEST_F(PreflightTest, TheTextOfTheRulesIsCompared) {
  const std::string text = folder_.File("rules");
  folder_.WriteCdb("rules.cdb",
                   {{"192.0.2.1", std::string("D\0", 2)}, {"", ""}});
  EXPECT_THAT(Rules(), IsEmpty());
  folder_.Write("rules", "192.0.2.1:deny\n:allow\n");
  EXPECT_THAT(Rules(), IsEmpty());
  folder_.Write("rules", ":allow\n192.0.2.1:deny\n");  // the order is no matter
  EXPECT_THAT(Rules(), IsEmpty());
  for (const char* other : {"192.0.2.1:allow\n:allow\n", "192.0.2.1:deny\n",
                            "192.0.2.1:deny\n192.0.2.2:deny\n:allow\n"}) {
    folder_.Write("rules", other);
    EXPECT_THAT(Rules(),
                ElementsAre(StartsWith("W " + text +
                                       ": its rules differ from those of ")))
        << other;
  }
  folder_.Write("rules", "192.0.2.1:deny\n:permit\n");
  EXPECT_THAT(Rules(), ElementsAre(AllOf(StartsWith("W " + text + ":2:"),
                                         HasSubstr("; correct the line"))));
  // tcprules makes a rule of a network that never matches.
  folder_.Write("rules", "192.0.2.0/31:deny\n");
  folder_.WriteCdb("rules.cdb", {{"192.0.2.0", std::string("D\0", 2)},
                                 {"192.0.2.1", std::string("D\0", 2)}});
  EXPECT_THAT(Rules(), IsEmpty());
  folder_.WriteCdb("rules.cdb", {{"192.0.2.0/31", std::string("D\0", 2)}});
  EXPECT_THAT(Rules(), ElementsAre(HasSubstr("no client can have"),
                                   StartsWith("W " + text + ":1: a network ")));
}

}  // namespace
}  // namespace postern::service
