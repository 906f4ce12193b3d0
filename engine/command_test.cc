// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/command.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(CommandTest, TakesLinesApart) {
  struct Row {
    absl::string_view line;
    Verb verb;
    absl::string_view argument = "";
  };
  constexpr Row kRows[] = {
      {"QUIT", Verb::kQuit},
      {"quit", Verb::kQuit},
      {"QUIT ", Verb::kQuit},  // RFC 5321 4.1.1: white space before CRLF
      {"QUIT  \t ", Verb::kQuit},
      {"QUIT\t", Verb::kQuit},
      {"EHLO  a.example ", Verb::kEhlo, "a.example"},
      {"HELO a b", Verb::kHelo, "a b"},
      {"MAIL FROM:<a@b>", Verb::kMail, "FROM:<a@b>"},
      {"NOOP", Verb::kNoop},
      {"NOOP anything", Verb::kNoop, "anything"},
      {"HELP MAIL", Verb::kHelp, "MAIL"},
      {"VRFY a\tb", Verb::kVrfy, "a\tb"},
      {"EXPN list", Verb::kUnimplemented, "list"},
      {"STARTTLS", Verb::kUnimplemented},
      {"GET / HTTP/1.1", Verb::kWeb, "/ HTTP/1.1"},
      {"", Verb::kUnknown},
      {" ", Verb::kUnknown},
      {" QUIT", Verb::kUnknown, "QUIT"},  // nothing may stand before the verb
      {"QUIT\tx", Verb::kUnknown},        // HT is no separator
      {"NOOP\t x", Verb::kUnknown, "x"},
      {"QUITx", Verb::kUnknown},
      {"Host: example.org", Verb::kUnknown, "example.org"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.line));
    const auto parsed = ParseCommand(row.line);
    const auto* command = std::get_if<Command>(&parsed);
    ASSERT_NE(command, nullptr);
    EXPECT_EQ(command->row->verb, row.verb);
    EXPECT_EQ(command->argument, row.argument);
  }
}

TEST(CommandTest, RefusesWhatIsNoCommandLine) {
  struct Row {
    absl::string_view line;
    int code;
  };
  constexpr Row kRows[] = {
      {"NOOP\nQUIT", 500},  // RFC 5321 2.3.8
      {"NOOP\rQUIT", 500},
      {"QUIT\r", 500},
      {{"NOOP \0", 6}, 500},
      {{"\0", 1}, 500},
      {"NOOP \x7f", 500},
      {"NOOP \x1b[2J", 500},
      {"NOOP \x80", 500},  // RFC 5321 2.4
      {"MAIL FROM:<\xc3\xa4@d>", 500},
      {"DATA x", 501},  // RFC 5321 4.3.2
      {"RSET x", 501},
      {"QUIT x", 501},
      {"EHLO", 501},
      {"EHLO ", 501},
      {"HELO\t", 501},
      {"MAIL", 501},
      {"RCPT ", 501},
      {"VRFY", 501},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(testing::PrintToString(std::string(row.line)));
    const auto parsed = ParseCommand(row.line);
    const auto* reply = std::get_if<Reply>(&parsed);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->code, row.code);
  }
}

TEST(CommandTest, ReadsMail) {
  struct Row {
    absl::string_view argument;
    absl::string_view from;
    std::optional<uint64_t> size = std::nullopt;
    std::optional<BodyType> body = std::nullopt;
  };
  constexpr Row kRows[] = {
      {"FROM:<>", ""},
      {"FROM:<s@x>", "s@x"},
      {"from:<s@x>", "s@x"},
      {"FROM: <s@x>", "s@x"},  // common, RFC 5321 3.3 forbids it to clients
      {"FROM:s@x", "s@x"},
      {"FROM:<s@x> SIZE=12", "s@x", 12},
      {"FROM:<s@x> BODY=8BITMIME size=0", "s@x", 0, BodyType::k8BitMime},
      {"FROM:s@x BODY=7bit", "s@x", std::nullopt, BodyType::k7Bit},
      {"FROM:<s@x> SIZE=99999999999999999999", "s@x",
       std::numeric_limits<uint64_t>::max()},
      {"FROM:<@a,@b:s@x>", "s@x"},
      {"FROM:<postmaster>", "postmaster"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseMail(row.argument);
    const auto* mail = std::get_if<Mail>(&parsed);
    ASSERT_NE(mail, nullptr);
    EXPECT_EQ(mail->from.Address(), row.from);
    EXPECT_EQ(mail->parameters.size, row.size);
    EXPECT_EQ(mail->parameters.body, row.body);
  }
}

TEST(CommandTest, RefusesBadMail) {
  struct Row {
    absl::string_view argument;
    Reply reply;  // text not compared
  };
  const Row rows[] = {
      {"<s@x>", {501, {5, 5, 4}}},
      {"FROM", {501, {5, 5, 4}}},
      {"FROM <s@x>", {501, {5, 5, 4}}},
      {"FROM :<s@x>", {501, {5, 5, 4}}},
      {"TO:<s@x>", {501, {5, 5, 4}}},
      {"FROM:", {501, {5, 1, 7}}},
      {"FROM:<s@x", {501, {5, 1, 7}}},
      {"FROM:s@x>", {501, {5, 1, 7}}},
      {"FROM:<<s@x>>", {501, {5, 1, 7}}},
      {"FROM:<s@>", {501, {5, 1, 7}}},
      {"FROM:<s@x@y>", {501, {5, 1, 7}}},
      {"FROM:<s@x>SIZE=1", {501, {5, 5, 4}}},
      {"FROM:<s@x> SIZE=1 SIZE=1", {501, {5, 5, 4}}},
      {"FROM:<s@x> SIZE=-1", {501, {5, 5, 4}}},
      {"FROM:<s@x> SMTPUTF8", {555, {5, 5, 4}}},
      {"FROM:<s@x> AUTH=<>", {555, {5, 5, 4}}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseMail(row.argument);
    const auto* reply = std::get_if<Reply>(&parsed);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->code, row.reply.code);
    EXPECT_EQ(reply->enhanced, row.reply.enhanced);
  }
}

TEST(CommandTest, ReadsRcpt) {
  struct Row {
    absl::string_view argument;
    absl::string_view to;
  };
  constexpr Row kRows[] = {
      {"TO:<u@d>", "u@d"},
      {"to:<u@d> ", "u@d"},
      {"TO: u@d", "u@d"},
      {"TO:<Postmaster>", "Postmaster"},  // RFC 5321 4.5.1
      {"TO:<u%evil@d>", "u%evil@d"},      // no meaning of its own
      {"TO:<\"u@evil\"@d>", "u@evil@d"},
      {"TO:<@a:u@d>", "u@d"},
      {"TO:<u@[192.0.2.1]>", "u@[192.0.2.1]"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseRcpt(row.argument);
    const auto* rcpt = std::get_if<Rcpt>(&parsed);
    ASSERT_NE(rcpt, nullptr);
    EXPECT_EQ(rcpt->to.Address(), row.to);
  }
}

TEST(CommandTest, RefusesBadRcpt) {
  struct Row {
    absl::string_view argument;
    Reply reply;  // text not compared
  };
  const Row rows[] = {
      {"FROM:<u@d>", {501, {5, 5, 4}}},
      {"TO:<>", {501, {5, 1, 3}}},
      {"TO:", {501, {5, 1, 3}}},
      {"TO:<u@d> <v@d>", {501, {5, 5, 4}}},
      {"TO:<u@d>,<v@d>", {501, {5, 5, 4}}},
      {"TO:<u@d,v@d>", {501, {5, 1, 3}}},
      {"TO:<\"u@d\">", {501, {5, 1, 3}}},  // a local name with an '@'
      {"TO:<u@d> NOTIFY=NEVER", {555, {5, 5, 4}}},
      {"TO:<u@d> SIZE=1", {555, {5, 5, 4}}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseRcpt(row.argument);
    const auto* reply = std::get_if<Reply>(&parsed);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->code, row.reply.code);
    EXPECT_EQ(reply->enhanced, row.reply.enhanced);
  }
}

}  // namespace
}  // namespace postern
