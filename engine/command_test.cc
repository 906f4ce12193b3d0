// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/command.h"

#include <limits>
#include <string>

#include "engine/grammar/strictness.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(CommandTest, ParsesCommandLines) {
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
      {"MAIL FROM:<\xc3\xa4@d>", Verb::kMail, "FROM:<\xc3\xa4@d>"},
      {"rcpt TO:<\xc3\xa4@d>", Verb::kRcpt, "TO:<\xc3\xa4@d>"},
      {"VRFY \xc3\xa4", Verb::kVrfy, "\xc3\xa4"},
      {"EXPN list", Verb::kUnimplemented, "list"},
      {"STARTTLS", Verb::kStartTls},
      {"GET / HTTP/1.1", Verb::kWeb, "/ HTTP/1.1"},
      {"GET /\xc3\xa4\x01", Verb::kWeb, "/\xc3\xa4\x01"},      // must close
      {"EHLO b\xc3\xbcro-pc", Verb::kEhlo, "b\xc3\xbcro-pc"},  // UTF-8
      {"EHLO b\xfcro-pc", Verb::kEhlo, "b\xfcro-pc"},          // Latin-1
      {"HELO \x8aumava", Verb::kHelo, "\x8aumava"},            // code page 1250
      {"LHLO b\xfcro-pc", Verb::kLhlo, "b\xfcro-pc"},
      {"", Verb::kUnknown},
      {" ", Verb::kUnknown},
      {" QUIT", Verb::kUnknown, "QUIT"},  // no white space before the verb
      {"QUIT\tx", Verb::kUnknown},        // HT does not separate words
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

TEST(CommandTest, RefusesInvalidCommandLines) {
  struct Row {
    absl::string_view line;
    int code;
  };
  constexpr Row kRows[] = {
      {"NOOP\nQUIT", 500},  // RFC 5321 2.3.8: the verb is unknown
      {"NOOP\rQUIT", 500},
      {"QUIT\r", 500},
      {{"NOOP\0", 5}, 500},
      {{"\0", 1}, 500},
      {"\xc3\xa4", 500},
      {"MAIL\xc3\xa4 x", 500},
      {{"NOOP \0", 6}, 501},  // RFC 5321 4.1.2
      {"NOOP \x7f", 501},
      {"NOOP \x1b[2J", 501},
      {"NOOP \x80", 501},  // RFC 5321 2.4
      {"NOOP \xc3\xa4", 501},
      {"EHLO c\x1b[2J", 501},
      {{"EHLO c\0", 7}, 501},
      {"EHLO c\rMAIL FROM:<>", 501},
      {"EHLO \x7f\xfc", 501},
      {"EHLO \xc2\x9b"
       "2J",
       501},                          // CSI, for a terminal
      {"EHLO b\xfcro\xc2\x85", 501},  // in a name that is not UTF-8
      {"MAIL FROM:<a\nb@d>", 501},
      {{"RCPT TO:<u\0@d>", 15}, 501},
      {"MAIL FROM:<\xe4@d>", 501},  // Latin-1
      {"RCPT TO:<\xc0\xae@d>", 501},
      {"VRFY \xed\xa0\x80", 501},
      {"MAIL FROM:<u@d> X=\xff", 501},
      {"MAIL FROM:<\xc3\xa4@d>\x1b", 501},
      {"VRFY \xc2\x9b"
       "2J",
       501},
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

TEST(CommandTest, LenientModeNeedsNoClientName) {
  for (absl::string_view line : {"HELO", "EHLO ", "LHLO\t"}) {
    const auto parsed = ParseCommand(line, Strictness::kLenient);
    EXPECT_TRUE(std::holds_alternative<Command>(parsed)) << std::string(line);
  }
  for (absl::string_view line : {"MAIL", "RCPT", "VRFY", "AUTH", "DATA x"}) {
    const auto parsed = ParseCommand(line, Strictness::kLenient);
    EXPECT_TRUE(std::holds_alternative<Reply>(parsed)) << std::string(line);
  }
}

TEST(CommandTest, ParsesMail) {
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
      {"FROM: <s@x>", "s@x"},  // common, but RFC 5321 3.3 forbids it
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
    const auto parsed = ParseMail(row.argument, ParameterRules());
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
    Reply reply;  // its text is not compared
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
      {"FROM:<s@x> AUTH=u@d", {555, {5, 5, 4}}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseMail(row.argument, ParameterRules());
    const auto* reply = std::get_if<Reply>(&parsed);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->code, row.reply.code);
    EXPECT_EQ(reply->enhanced, row.reply.enhanced);
  }
}

TEST(CommandTest, ParsesRcpt) {
  struct Row {
    absl::string_view argument;
    absl::string_view to;
  };
  constexpr Row kRows[] = {
      {"TO:<u@d>", "u@d"},
      {"to:<u@d> ", "u@d"},
      {"TO: u@d", "u@d"},
      {"TO:<Postmaster>", "Postmaster"},  // RFC 5321 4.5.1
      {"TO:<u%evil@d>", "u%evil@d"},      // '%' has no meaning
      {"TO:<\"u@evil\"@d>", "u@evil@d"},
      {"TO:<@a:u@d>", "u@d"},
      {"TO:<u@[192.0.2.1]>", "u@[192.0.2.1]"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseRcpt(row.argument, ParameterRules(), Utf8::kNo);
    const auto* rcpt = std::get_if<Rcpt>(&parsed);
    ASSERT_NE(rcpt, nullptr);
    EXPECT_EQ(rcpt->to.Address(), row.to);
  }
}

TEST(CommandTest, RefusesBadRcpt) {
  struct Row {
    absl::string_view argument;
    Reply reply;  // its text is not compared
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
    const auto parsed = ParseRcpt(row.argument, ParameterRules(), Utf8::kNo);
    const auto* reply = std::get_if<Reply>(&parsed);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->code, row.reply.code);
    EXPECT_EQ(reply->enhanced, row.reply.enhanced);
  }
}

constexpr ParameterRules kUtf8Offered = {{Extension::kSmtpUtf8}};
constexpr ParameterRules kDsnOffered = {
    {Extension::kSmtpUtf8, Extension::kDsn}};

// RFC 6531 3.4, 3.5.
TEST(CommandTest, AddressesBeyondAsciiNeedSmtpUtf8) {
  struct Row {
    absl::string_view argument;
    ParameterRules rules;
    Reply reply;  // its text is not compared; no code: accepted
  };
  const Row mail[] = {
      {"FROM:<\xc3\xa4@d> SMTPUTF8", kUtf8Offered, {}},
      {"FROM:<u@\xc3\xa4> SIZE=1 SMTPUTF8", kUtf8Offered, {}},
      {"FROM:<u@d> SMTPUTF8", kUtf8Offered, {}},
      {"FROM:<@\xc3\xa4:u@d>", kUtf8Offered, {}},  // a source route is dropped
      {"FROM:<\xc3\xa4@d>", kUtf8Offered, {550, {5, 6, 7}}},
      {"FROM:<u@\xc3\xa4>", ParameterRules(), {550, {5, 6, 7}}},
      {"FROM:<\xc3\xa4@d> SMTPUTF8", ParameterRules(), {555, {5, 5, 4}}},
      {"FROM:<\xc3\xa4@d> SIZE=x", kUtf8Offered, {501, {5, 5, 4}}},
      {"FROM:<\xe4@d> SMTPUTF8", kUtf8Offered, {501, {5, 1, 7}}},
  };
  for (const Row& row : mail) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseMail(row.argument, row.rules);
    const auto* reply = std::get_if<Reply>(&parsed);
    EXPECT_EQ(reply == nullptr ? 0 : reply->code, row.reply.code);
    if (reply != nullptr) {
      EXPECT_EQ(reply->enhanced, row.reply.enhanced);
    }
  }
  const auto code = [](absl::string_view argument, Utf8 utf8) {
    const auto parsed = ParseRcpt(argument, kDsnOffered, utf8);
    const auto* reply = std::get_if<Reply>(&parsed);
    return reply == nullptr ? Reply() : Reply{reply->code, reply->enhanced};
  };
  const Reply not_permitted = {553, {5, 6, 7}};
  EXPECT_EQ(code("TO:<\xc3\xa4@d>", Utf8::kYes), Reply());
  EXPECT_EQ(code("TO:<\xc3\xa4@d>", Utf8::kNo), not_permitted);
  EXPECT_EQ(code("TO:<u@\xc3\xa4>", Utf8::kNo), not_permitted);
  EXPECT_EQ(code("TO:<u@d>", Utf8::kYes), Reply());
  EXPECT_EQ(code("TO:<u@d> ORCPT=utf-8;\xc3\xa4@d", Utf8::kYes), Reply());
  EXPECT_EQ(code("TO:<u@d> ORCPT=utf-8;\xc3\xa4@d", Utf8::kNo),
            (Reply{501, {5, 5, 4}}));
}

TEST(CommandTest, FormattedCommandsParseToTheSame) {
  constexpr ParameterRules kRules = {
      {Extension::kSmtpUtf8, Extension::kDsn, Extension::kDeliverBy},
      /*auth_offered=*/true};
  for (absl::string_view line :
       {"MAIL FROM:<>", "MAIL FROM:<s@x> SIZE=5 BODY=8BITMIME",
        "MAIL FROM:<\"a b\"@x> RET=HDRS ENVID=a+20b AUTH=<> BY=5;RT",
        "MAIL FROM:<\xc3\xa4@x> SMTPUTF8"}) {
    const auto mail = ParseMail(line.substr(5), kRules);
    ASSERT_TRUE(std::holds_alternative<Mail>(mail)) << std::string(line);
    EXPECT_EQ(FormatMail(std::get<Mail>(mail)), line);
  }
  for (absl::string_view line :
       {"RCPT TO:<postmaster>", "RCPT TO:<u@x> NOTIFY=SUCCESS,DELAY",
        "RCPT TO:<\xc3\xa4@x> NOTIFY=NEVER ORCPT=utf-8;\xc3\xa4@x"}) {
    const auto rcpt = ParseRcpt(line.substr(5), kRules, Utf8::kYes);
    ASSERT_TRUE(std::holds_alternative<Rcpt>(rcpt)) << std::string(line);
    EXPECT_EQ(FormatRcpt(std::get<Rcpt>(rcpt)), line);
  }
}

TEST(CommandTest, ParsesVerify) {
  struct Row {
    absl::string_view argument;
    ParameterRules rules;
    absl::string_view text;  // empty: 550 5.6.7
    bool smtp_utf8 = false;
  };
  const Row rows[] = {
      {"u", ParameterRules(), "u"},
      {"u SMTPUTF8", ParameterRules(), "u SMTPUTF8"},
      {"\xc3\xa4", ParameterRules(), ""},
      {"u", kUtf8Offered, "u"},
      {"u SMTPUTF8", kUtf8Offered, "u", true},
      {"u  smtputf8", kUtf8Offered, "u", true},
      {"\xc3\xa4 SMTPUTF8", kUtf8Offered, "\xc3\xa4", true},
      {"\xc3\xa4", kUtf8Offered,
       "\xc3\xa4"},  // SMTPUTF8 concerns only the reply
      {"SMTPUTF8", kUtf8Offered, "SMTPUTF8"},
      {"uSMTPUTF8", kUtf8Offered, "uSMTPUTF8"},
      {"u SMTPUTF8 v", kUtf8Offered, "u SMTPUTF8 v"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseVerify(row.argument, row.rules);
    const auto* verify = std::get_if<VerifyArgument>(&parsed);
    ASSERT_EQ(verify == nullptr, row.text.empty());
    if (verify == nullptr) {
      EXPECT_EQ(std::get<Reply>(parsed).code, 550);
      EXPECT_EQ(std::get<Reply>(parsed).enhanced, (EnhancedCode{5, 6, 7}));
      continue;
    }
    EXPECT_EQ(verify->text, row.text);
    EXPECT_EQ(verify->smtp_utf8, row.smtp_utf8);
  }
}

TEST(CommandTest, ParsesBdat) {
  struct Row {
    absl::string_view argument;
    uint64_t size;
    bool last = false;
  };
  constexpr Row kRows[] = {
      {"0", 0},
      {"0 LAST", 0, true},
      {"86", 86},
      {"86 last", 86, true},
      {"86   LAST", 86, true},
      {"00000000000000000086", 86},
      {"4294967296", 4294967296},
      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
      {"18446744073709551615 LAST", std::numeric_limits<uint64_t>::max(), true},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseBdat(row.argument);
    const auto* chunk = std::get_if<Chunk>(&parsed);
    ASSERT_NE(chunk, nullptr);
    EXPECT_EQ(chunk->size, row.size);
    EXPECT_EQ(chunk->last, row.last);
  }
  for (absl::string_view argument :
       {"", "LAST", "x", "-1", "+1", "0x10", "1 2", "1LAST", "1 LAST LAST",
        "1 LAST x", "1 FIRST", "1\tLAST", "1.0", "18446744073709551616",
        "99999999999999999999", "000000000000000000086"}) {
    SCOPED_TRACE(std::string(argument));
    const auto parsed = ParseBdat(argument);
    ASSERT_TRUE(std::holds_alternative<Reply>(parsed));
    EXPECT_EQ(std::get<Reply>(parsed).code, 501);
    EXPECT_EQ(std::get<Reply>(parsed).enhanced, (EnhancedCode{5, 5, 4}));
  }
}

TEST(CommandTest, ParsesAuth) {
  struct Row {
    absl::string_view argument;
    absl::string_view mechanism;
    std::optional<absl::string_view> initial_response = std::nullopt;
  };
  const Row rows[] = {
      {"PLAIN", "PLAIN"},
      {"plain AHUAcA==", "PLAIN", "AHUAcA=="},
      {"SCRAM-SHA-256  biws", "SCRAM-SHA-256", "biws"},
      {"X_9 =", "X_9", "="},
      {"PLAIN *", "PLAIN", "*"},  // base64 is not checked here
      {"ABCDEFGHIJKLMNOPQRST", "ABCDEFGHIJKLMNOPQRST"},  // 20
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.argument));
    const auto parsed = ParseAuth(row.argument);
    const auto* auth = std::get_if<AuthArgument>(&parsed);
    ASSERT_NE(auth, nullptr);
    EXPECT_EQ(auth->mechanism, row.mechanism);
    EXPECT_EQ(auth->initial_response, row.initial_response);
  }
  for (absl::string_view argument :
       {"", "PL.AIN", "PLAIN=", "PLAIN\tx", "ABCDEFGHIJKLMNOPQRSTU",
        "PLAIN a b", "PLAIN a\tb", "PLAIN \xc3\xa4", "\xc3\xa4"}) {
    SCOPED_TRACE(std::string(argument));
    const auto parsed = ParseAuth(argument);
    ASSERT_TRUE(std::holds_alternative<Reply>(parsed));
    EXPECT_EQ(std::get<Reply>(parsed).code, 501);
    EXPECT_EQ(std::get<Reply>(parsed).enhanced, (EnhancedCode{5, 5, 4}));
  }
}

}  // namespace
}  // namespace postern
