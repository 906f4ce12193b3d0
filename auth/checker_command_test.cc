// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checker_command.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

class CheckerCommandTest : public testing::Test {
 protected:
  CheckerCommandTest() : folder_(absl::StrCat(testing::TempDir(), "/bin")) {
    std::filesystem::create_directories(absl::StrCat(folder_, "/mail"));
    for (const char* name : {"checkpassword", "true", "mx"}) {
      const std::string file = absl::StrCat(folder_, "/", name);
      std::ofstream(file) << "#!/bin/sh\n";
      chmod(file.c_str(), 0755);
    }
    std::ofstream(absl::StrCat(folder_, "/text")) << "no program\n";
  }

  // Returns "HOST: COMMAND" or "error: WHAT". "@" means the directory of
  // the programs.
  std::string Read(absl::string_view arguments) {
    const std::vector<std::string> list =
        absl::StrSplit(absl::StrReplaceAll(arguments, {{"@", folder_}}), ' ',
                       absl::SkipEmpty());
    const auto read =
        ReadCheckerCommand(list, absl::StrCat("/nowhere::", folder_));
    const std::string text =
        read.ok()
            ? absl::StrCat(read->host, ": ", absl::StrJoin(read->command, " "))
            : absl::StrCat("error: ", read.status().message());
    return absl::StrReplaceAll(text, {{folder_, "@"}});
  }

  const std::string folder_;
};

TEST_F(CheckerCommandTest, ParsesBothForms) {
  struct Row {
    const char* arguments;
    const char* result;
  };
  for (const Row& row : {
           Row{"mail.example @/checkpassword /bin/true",
               "mail.example: @/checkpassword /bin/true"},
           Row{"mail.example checkpassword true x",
               "mail.example: @/checkpassword true x"},
           Row{"@/checkpassword /bin/true", ": @/checkpassword /bin/true"},
           Row{"checkpassword /nowhere/true",
               ": @/checkpassword /nowhere/true"},
           Row{"checkpassword true", ": @/checkpassword true"},
           // A directory and a text file are not programs.
           Row{"mail checkpassword true", "mail: @/checkpassword true"},
           Row{"text checkpassword true", "text: @/checkpassword true"},
       }) {
    EXPECT_EQ(Read(row.arguments), row.result);
  }
}

TEST_F(CheckerCommandTest, RefusesArgumentsThatWouldMakeAnOpenRelay) {
  struct Row {
    const char* arguments;
    const char* error;
  };
  for (const Row& row : {
           Row{"", "error: no checker"},
           Row{"mail.example", "error: no checker after the host"},
           Row{"mail.example /nowhere/checker true",
               "error: no such checker, or not an executable file: "
               "/nowhere/checker"},
           Row{"mail.example checker true",
               "error: no such checker, or not an executable file: checker"},
           Row{"mail.example @/text true",
               "error: no such checker, or not an executable file: @/text"},
           Row{"mail.example @/mail true",
               "error: no such checker, or not an executable file: @/mail"},
           // The form without a host where a host is expected, and the reverse.
           Row{"mail.example @/true", "error: @/true does not check passwords"},
           Row{"mail.example true true",
               "error: @/true does not check passwords"},
           Row{"@/true @/checkpassword",
               "error: @/true does not check passwords"},
           Row{"@/checkpassword",
               "error: @/checkpassword needs a program to run"},
           Row{"mail.example checkpassword",
               "error: @/checkpassword needs a program to run"},
           Row{"mx checkpassword true",
               "error: cannot tell whether mx is the host"},
           Row{"checkpassword true x",
               "error: cannot tell whether checkpassword is the host"},
       }) {
    EXPECT_TRUE(absl::StartsWith(Read(row.arguments), row.error))
        << Read(row.arguments);
  }
}

}  // namespace
}  // namespace postern::auth
