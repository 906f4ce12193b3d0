// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/recipient_program.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

class RecipientProgramTest : public testing::Test {
 protected:
  // Runs a shell script as the program.
  std::optional<Verdict> Ask(absl::string_view script,
                             absl::Duration timeout = absl::Minutes(1),
                             bool listed = false) {
    const std::string program = folder_.File("program");
    folder_.Write("program", absl::StrCat("#!/bin/sh\n", script, "\n"));
    EXPECT_EQ(chmod(program.c_str(), 0755), 0);
    return AskProgram(program, timeout, listed);
  }
  std::optional<Verdict> AskProgram(const std::string& program,
                                    absl::Duration timeout = absl::Minutes(1),
                                    bool listed = false) {
    return AskRecipientProgram({.program = program,
                                .from = from_,
                                .to = to_,
                                .listed = listed,
                                .environment = environment_,
                                .deadline = system::Deadline(timeout)},
                               session_);
  }
  static std::string Reply(const std::optional<Verdict>& verdict) {
    if (!verdict) return "";
    EXPECT_FALSE(verdict->accepted());
    return FormatReply(*verdict->reply());
  }

  files::TestDirectory folder_;
  Path from_ = {"s", "x.example"};
  Path to_ = {"u", "d.example"};
  SessionInfo session_;
  std::vector<std::pair<std::string, std::string>> environment_ = {
      {"PATH", "/usr/bin:/bin"}};
};

TEST_F(RecipientProgramTest, ExitCodesHaveTheMeaningOfThePatches) {
  constexpr absl::string_view kUnable =
      "451 4.3.0 unable to verify recipient (#4.3.0)\r\n";
  const struct {
    absl::string_view script;
    absl::string_view reply;
    absl::string_view why = "";  // after the program
    Verdict::Kind kind = Verdict::Kind::kRefuse;
  } cases[] = {
      {"exit 0", ""},
      {"exit 112", ""},
      {"exit 100",
       "550 5.1.1 sorry, no mailbox here by that name. (#5.1.1)\r\n"},
      {"exit 111", kUnable, ": exited with 111"},
      {"exit 113",
       "421 4.3.0 you have exceeded your messaging limits (#4.3.0)\r\n", "",
       Verdict::Kind::kDrop},
      {"exit 120", "451 4.3.0 unable to execute recipient check (#4.3.0)\r\n",
       ": exited with 120"},
      // A code that has no meaning is an outage, not an acceptance.
      {"exit 1", kUnable, ": exited with 1"},
      {"exit 99", kUnable, ": exited with 99"},
      {"exit 255", kUnable, ": exited with 255"},
      {"kill -9 $$", kUnable, ": was killed by a signal"},
  };
  for (const auto& c : cases) {
    const auto verdict = Ask(c.script);
    EXPECT_EQ(Reply(verdict), c.reply) << c.script;
    if (!verdict) continue;
    EXPECT_EQ(verdict->kind(), c.kind) << c.script;
    if (c.reply == kUnable && !absl::StartsWith(c.script, "exit")) continue;
    EXPECT_EQ(verdict->source(), absl::StrCat(folder_.File("program"), c.why));
  }
}

TEST_F(RecipientProgramTest, TextOnDescriptor4IsTheReply) {
  const struct {
    absl::string_view script;
    absl::string_view reply;
  } cases[] = {
      {"echo '550 5.2.1 mailbox disabled' >&4; exit 100",
       "550 5.2.1 mailbox disabled\r\n"},
      {"echo '451 later' >&4; exit 100", "451 4.7.1 later\r\n"},
      {"echo '452 4.2.2 full' >&4; exit 113", "452 4.2.2 full\r\n"},
      {"echo 'who is that?' >&4; exit 100", "550 5.1.1 who is that?\r\n"},
      {"printf '550 one\\r\\n250 two\\n' >&4; exit 100", "550 5.7.1 one\r\n"},
      {"echo >&4; exit 100",
       "550 5.1.1 sorry, no mailbox here by that name. (#5.1.1)\r\n"},
      // A text does not make a refusal of an exit code that is none.
      {"echo '550 no' >&4; exit 0", ""},
      {"echo '550 no' >&4; exit 112", ""},
      {"echo '550 no' >&4; exit 111",
       "451 4.3.0 unable to verify recipient (#4.3.0)\r\n"},
  };
  for (const auto& c : cases) EXPECT_EQ(Reply(Ask(c.script)), c.reply);
  // More than a pipe holds does not block the program.
  const std::string reply = Reply(
      Ask("echo '550 5.1.1 '$(head -c 200000 /dev/zero | tr '\\0' x) >&4; "
          "exit 100"));
  EXPECT_TRUE(absl::StartsWith(reply, "550 5.1.1 xxxx"));
  EXPECT_LE(reply.size(), kMaxReplyLine);
}

TEST_F(RecipientProgramTest, EnvironmentDescribesSessionAndRecipient) {
  session_.remote_address = IpAddress::Parse("192.0.2.1");
  session_.hello_name = "client.example";
  // A rule cannot replace what is asked about.
  session_.environment = {{"RECIPIENT", "other"}, {"FROM_RULE", "yes"}};
  const std::string out = folder_.File("out");
  const auto run = [&](bool listed) {
    environment_.push_back({"OUT", out});
    EXPECT_FALSE(Ask("env >\"$OUT\"", absl::Minutes(1), listed));
    std::ifstream file(out);
    return absl::StrCat("\n",
                        std::string(std::istreambuf_iterator<char>(file), {}));
  };
  const std::string text = run(true);
  for (const absl::string_view line :
       {"\nSENDER=s@x.example\n", "\nRECIPIENT=u@d.example\n",
        "\nHELO=client.example\n", "\nUSE_FD4=1\n", "\nRCPTHOSTS=1\n",
        "\nTCPREMOTEIP=192.0.2.1\n", "\nFROM_RULE=yes\n"}) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line << text;
  }
  EXPECT_FALSE(absl::StrContains(run(false), "RCPTHOSTS"));
  from_ = Path();
  EXPECT_TRUE(absl::StrContains(run(false), "\nSENDER=\n"));
}

TEST_F(RecipientProgramTest, AProgramThatHangsIsKilled) {
  const auto verdict = Ask("exec sleep 60", absl::Milliseconds(50));
  EXPECT_EQ(Reply(verdict),
            "451 4.3.0 unable to verify recipient (#4.3.0)\r\n");
  EXPECT_TRUE(absl::StrContains(verdict->source(), "took too long"))
      << verdict->source();
}

TEST_F(RecipientProgramTest, AProgramThatCannotBeRunIsAnOutage) {
  folder_.Write("plain", "text");
  const std::string unable =
      "451 4.3.0 unable to execute recipient check (#4.3.0)\r\n";
  for (const std::string& program :
       {folder_.File("none"), folder_.File("plain"), std::string("sh"),
        std::string()}) {
    const auto verdict = AskProgram(program);
    EXPECT_EQ(Reply(verdict), unable) << program;
    EXPECT_TRUE(absl::StrContains(verdict->source(), program));
  }
}

}  // namespace
}  // namespace postern::policy
