// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf/received_spf.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "engine/grammar/header_field.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

std::string Format(const SpfAnswer& answer, const Path& from,
                   const std::string& helo,
                   const std::string& client = "192.0.2.1") {
  const std::string field =
      FormatReceivedSpf({.answer = answer,
                         .client = *IpAddress::Parse(client),
                         .from = from,
                         .helo = helo,
                         .receiver = "mx.local.example"});
  EXPECT_TRUE(IsHeader(field)) << field;
  EXPECT_EQ(SplitHeader(field).size(), 1u) << field;
  return field;
}

TEST(ReceivedSpfTest, HasTheKeysOfRfc7208) {
  EXPECT_EQ(Format({SpfResult::kPass, "ip4:192.0.2.0/28", "x.example", ""},
                   {"s", "x.example"}, "mail.x.example"),
            "Received-SPF: pass\r\n"
            " receiver=mx.local.example;\r\n"
            " identity=mailfrom;\r\n"
            " client-ip=192.0.2.1;\r\n"
            " envelope-from=\"s@x.example\";\r\n"
            " helo=mail.x.example;\r\n"
            " mechanism=\"ip4:192.0.2.0/28\"\r\n");
  EXPECT_EQ(Format({SpfResult::kTempError, "no answer for a", "", ""}, {},
                   "mail.x.example", "2001:db8::1"),
            "Received-SPF: temperror\r\n"
            " receiver=mx.local.example;\r\n"
            " identity=helo;\r\n"
            " client-ip=\"2001:db8::1\";\r\n"
            " envelope-from=\"\";\r\n"
            " helo=mail.x.example;\r\n"
            " problem=\"no answer for a\"\r\n");
  EXPECT_TRUE(absl::EndsWith(Format({SpfResult::kNeutral, "", "", ""}, {}, "h"),
                             " mechanism=default\r\n"));
  EXPECT_TRUE(absl::EndsWith(Format({SpfResult::kNone, "", "", ""}, {}, "h"),
                             " helo=h\r\n"));
}

// The client chooses the name after HELO and the sender.
TEST(ReceivedSpfTest, TextOfTheClientAddsNoKeyAndNoField) {
  struct {
    std::string helo;
    std::string quoted;
  } const cases[] = {
      {"", "\"\""},
      {"a.", "\"a.\""},
      {"a..b", "\"a..b\""},
      {"a b", "\"a b\""},
      {"h; identity=mailfrom", "\"h; identity=mailfrom\""},
      {"h\" x=\"y", "\"h\\\" x=\\\"y\""},
      {"h\\", "\"h\\\\\""},
      {"h\r\nSubject: x", "\"h??Subject: x\""},
      {std::string("h\0x", 3), "\"h?x\""},
      {"h\xc3\xa9", "\"h??\""},
      {"(comment)", "\"(comment)\""},
      {"[192.0.2.1]", "\"[192.0.2.1]\""},
  };
  const SpfAnswer none;
  for (const auto& c : cases) {
    EXPECT_TRUE(absl::EndsWith(Format(none, {"s", "x.example"}, c.helo),
                               " helo=" + c.quoted + "\r\n"))
        << c.helo;
  }
  EXPECT_TRUE(
      absl::StrContains(Format(none, {"s\"\\\r\n;=", "x.example"}, "h"),
                        " envelope-from=\"s\\\"\\\\??;=@x.example\";\r\n"));
  // A transaction with SMTPUTF8 has such senders, and others do not.
  EXPECT_TRUE(absl::StrContains(Format(none, {"\xc3\xa9", "x.example"}, "h"),
                                "\"\xc3\xa9@x.example\""));
  EXPECT_TRUE(absl::StrContains(Format(none, {"\xe9", "x.example"}, "h"),
                                "\"?@x.example\""));
}

TEST(ReceivedSpfTest, LinesAreBounded) {
  const SpfAnswer none;
  const std::string helo = Format(none, {}, std::string(4000, '"'));
  EXPECT_EQ(std::count(helo.begin(), helo.end(), '\\'), 255);
  const std::string from =
      Format(none, {std::string(880, '"'), "x.example"}, "h");
  EXPECT_FALSE(absl::StrContains(from, "envelope-from"));
  EXPECT_TRUE(absl::StrContains(from, " helo=h"));
}

}  // namespace
}  // namespace postern::policy
