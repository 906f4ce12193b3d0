// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/client_command.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

const Path kFrom{"s", "x"};
const Path kTo{"u", "d"};

// A server that offers `keyword`.
EhloKeywords Offering(absl::string_view keyword) {
  return EhloKeywords(absl::StrCat("mx\n", keyword));
}

TEST(ClientCommandTest, SendsOnlyOfferedParameters) {
  struct Row {
    absl::string_view keyword;
    MailParameters parameters;
    std::string sent;
  };
  const Row rows[] = {
      {"SIZE 7", {.size = 5}, " SIZE=5"},
      {"8BITMIME", {.body = BodyType::k7Bit}, " BODY=7BIT"},
      {"8bitmime", {.body = BodyType::k8BitMime}, " BODY=8BITMIME"},
      {"SMTPUTF8", {.smtp_utf8 = true}, " SMTPUTF8"},
      {"DSN", {.ret = Ret::kFull}, " RET=FULL"},
      {"DSN", {.envid = "a b"}, " ENVID=a+20b"},
      {"AUTH PLAIN", {.auth = Path()}, " AUTH=<>"},
      {"REQUIRETLS", {.require_tls = true}, " REQUIRETLS"},
      {"MT-PRIORITY", {.priority = -3}, " MT-PRIORITY=-3"},
      {"DELIVERBY", {.deliver_by = DeliverBy{.seconds = 9}}, " BY=9;N"},
      {"FUTURERELEASE", {.hold = absl::Seconds(7)}, " HOLDFOR=7"},
  };
  for (const Row& row : rows) {
    const Mail mail{kFrom, row.parameters};
    const auto line = MailLine(mail, Offering(row.keyword));
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(*line, absl::StrCat("MAIL FROM:<s@x>", row.sent, "\r\n"));
    for (const Row& other : rows) {
      if (other.sent == row.sent || other.keyword == row.keyword ||
          (row.parameters.body && other.parameters.body)) {
        continue;
      }
      EXPECT_TRUE(absl::IsFailedPrecondition(
          MailLine(mail, Offering(other.keyword)).status()))
          << row.sent << " to a server with " << other.keyword;
    }
    EXPECT_TRUE(
        absl::IsFailedPrecondition(MailLine(mail, EhloKeywords()).status()));
  }
  const Rcpt rcpt{{}, kTo, {.orcpt = Orcpt{"rfc822", "a@b"}}};
  EXPECT_EQ(RcptLine(rcpt, Utf8::kNo, Offering("DSN")).value(),
            "RCPT TO:<u@d> ORCPT=rfc822;a@b\r\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      RcptLine(rcpt, Utf8::kNo, Offering("RRVS")).status()));
}

// RFC 3030 3
TEST(ClientCommandTest, BinaryMimeDoesNotNeed8BitMime) {
  const Mail mail{kFrom, {.body = BodyType::kBinaryMime}};
  EXPECT_EQ(MailLine(mail, EhloKeywords("mx\nCHUNKING\nBINARYMIME")).value(),
            "MAIL FROM:<s@x> BODY=BINARYMIME\r\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      MailLine(mail, EhloKeywords("mx\nCHUNKING\n8BITMIME")).status()));
}

TEST(ClientCommandTest, PathsAreParsedAsTheyAreMeant) {
  const EhloKeywords none;
  EXPECT_EQ(MailLine(Mail{}, none).value(), "MAIL FROM:<>\r\n");
  EXPECT_EQ(MailLine(Mail{{"u \"v", "d"}}, none).value(),
            "MAIL FROM:<\"u \\\"v\"@d>\r\n");
  EXPECT_EQ(MailLine(Mail{{"", "d"}}, none).value(), "MAIL FROM:<\"\"@d>\r\n");
  EXPECT_EQ(RcptLine(Rcpt{{}, {"postmaster", ""}}, Utf8::kNo, none).value(),
            "RCPT TO:<postmaster>\r\n");
  EXPECT_EQ(RcptLine(Rcpt{{}, {"\xc3\xa4", "d"}}, Utf8::kYes, none).value(),
            "RCPT TO:<\xc3\xa4@d>\r\n");
}

TEST(ClientCommandTest, RefusesWhatAServerWouldParseDifferently) {
  const EhloKeywords all("mx\nSIZE\n8BITMIME\nDSN\nAUTH\nMT-PRIORITY");
  const Path paths[] = {
      {"u\r\nRSET", "d"}, {"u", "d>\r\nRSET\r\n"},
      {"u", "d\n"},       {std::string("u\0", 2), "d"},
      {"u", "d> SIZE=1"}, {"u", "d x"},
      {"u", "-d"},        {"\xc3\xa4", "d"},
      {"u@v", ""},        {std::string(2000, 'u'), "d"},
      {"u\x7f", "d"},     {"u", "[1.2.3.4"},
  };
  for (const Path& path : paths) {
    EXPECT_TRUE(absl::IsInvalidArgument(MailLine(Mail{path}, all).status()))
        << path.Address();
    EXPECT_TRUE(absl::IsInvalidArgument(
        RcptLine(Rcpt{{}, path}, Utf8::kNo, all).status()))
        << path.Address();
  }
  EXPECT_TRUE(
      absl::IsInvalidArgument(RcptLine(Rcpt{{}, {}}, Utf8::kNo, all).status()));
  const MailParameters parameters[] = {
      {.envid = ""},
      {.envid = "a\r\nRSET"},
      {.envid = std::string(101, 'a')},
      {.auth = Path{"u", "d\r\n"}},
      {.priority = 10},
  };
  for (const MailParameters& each : parameters) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(MailLine(Mail{kFrom, each}, all).status()));
  }
}

}  // namespace
}  // namespace postern
