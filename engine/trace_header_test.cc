// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/trace_header.h"

#include <memory>
#include <string>
#include <utility>

#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

const TraceStamp kStamp = {absl::FromUnixSeconds(1795290976), "q1"};

// A session with all facts that the field shows.
SessionInfo Full() {
  SessionInfo info;
  info.remote_address = IpAddress::Parse("192.0.2.1");
  info.remote_name = "client.example";
  info.name_status = NameStatus::kConfirmed;
  info.remote_info = "ident";
  info.local_name = "mx.example";
  info.hello_name = "hello.example";
  info.hello_verb = Hello::Verb::kEhlo;
  return info;
}

struct Row {
  const char* what;
  void (*change)(SessionInfo*);
  std::string field;
  bool smtp_utf8 = false;
};

TEST(TraceHeaderTest, ShowsTheSessionFacts) {
  const std::string tail = " id q1;\r\n\tSat, 21 Nov 2026 19:56:16 +0000\r\n";
  const std::string from_all =
      "Received: from hello.example (ident@client.example [192.0.2.1])\r\n";
  const Row rows[] = {
      {"all of it", [](SessionInfo*) {},
       from_all + "\tby mx.example with ESMTP" + tail},
      {"HELO", [](SessionInfo* s) { s->hello_verb = Hello::Verb::kHelo; },
       from_all + "\tby mx.example with SMTP" + tail},
      {"an identity, RFC 3848", [](SessionInfo* s) { s->identity = "joe"; },
       from_all + "\tby mx.example with ESMTPA" + tail},
      {"LMTP", [](SessionInfo* s) { s->hello_verb = Hello::Verb::kLhlo; },
       from_all + "\tby mx.example with LMTP" + tail},
      {"TLS, RFC 8314 4.3",
       [](SessionInfo* s) {
         s->tls = std::make_shared<const TlsInfo>(
             TlsInfo{"TLSv1.3", "TLS_AES_128_GCM_SHA256"});
       },
       from_all +
           "\tby mx.example with ESMTPS id q1 tls TLS_AES_128_GCM_SHA256;"
           "\r\n\tSat, 21 Nov 2026 19:56:16 +0000\r\n"},
      {"SMTPUTF8, RFC 6531 4.3", [](SessionInfo* s) { s->identity = "joe"; },
       from_all + "\tby mx.example with UTF8SMTPA" + tail, true},
      {"no local name", [](SessionInfo* s) { s->local_name.clear(); },
       from_all + "\tby host.example with ESMTP" + tail},
      {"no ident", [](SessionInfo* s) { s->remote_info.reset(); },
       "Received: from hello.example (client.example [192.0.2.1])\r\n"
       "\tby mx.example with ESMTP" +
           tail},
      {"a forged name",
       [](SessionInfo* s) { s->name_status = NameStatus::kForged; },
       "Received: from hello.example (ident@unknown [192.0.2.1])\r\n"
       "\tby mx.example with ESMTP" +
           tail},
      {"IPv6, RFC 5321 4.1.3",
       [](SessionInfo* s) {
         s->remote_address = IpAddress::Parse("2001:db8::1");
       },
       "Received: from hello.example "
       "(ident@client.example [IPv6:2001:db8::1])\r\n"
       "\tby mx.example with ESMTP" +
           tail},
      {"nothing", [](SessionInfo* s) { *s = SessionInfo(); },
       "Received: from unknown (unknown)\r\n\tby host.example with SMTP" +
           tail},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    SessionInfo info = Full();
    row.change(&info);
    EXPECT_EQ(FormatReceived(info, row.smtp_utf8, "host.example", kStamp),
              row.field);
  }
}

TEST(TraceHeaderTest, ShowsTheUserIfRequested) {
  SessionInfo info = Full();
  const auto peer = [&info](bool show_user) {
    const std::string field =
        FormatReceived(info, false, "host.example", kStamp, show_user);
    return field.substr(0, field.find("\r\n"));
  };
  EXPECT_EQ(peer(true),
            "Received: from hello.example (ident@client.example [192.0.2.1])");
  info.identity = "us er@example.org";
  EXPECT_EQ(peer(true),
            "Received: from hello.example "
            "(us?er@example.org@client.example [192.0.2.1])");
  EXPECT_EQ(peer(false),
            "Received: from hello.example (ident@client.example [192.0.2.1])");
}

TEST(TraceHeaderTest, SanitizesNamesAsQmailSmtpdDoes) {
  const auto shown = [](std::string hello) {
    SessionInfo info;
    info.hello_name = std::move(hello);
    const std::string field = FormatReceived(info, false, "mx", kStamp);
    const std::string head = "Received: from ";
    EXPECT_EQ(field.substr(0, head.size()), head);
    return field.substr(head.size(), field.find(" (") - head.size());
  };
  EXPECT_EQ(shown("a.Z@9%+/=:-[]"), "a.Z@9%+/=:-[]");
  EXPECT_EQ(shown("ev il<x>_(1)\r\n\t\"\\;,"), "ev?il?x???1????????");
  EXPECT_EQ(shown(std::string("a\0b\x80", 4)), "a?b?");
  EXPECT_EQ(shown(std::string(300, 'a')), std::string(255, 'a'));
}

// RFC 5321 4.5.3.1.6. Text from the client cannot end the field.
TEST(TraceHeaderTest, HasThreeLinesWhateverTheClientSends) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  all += all;
  SessionInfo info;
  info.remote_address =
      IpAddress::Parse("2001:db8:1234:5678:9abc:def0:1234:5678");
  info.remote_name = all;
  info.remote_info = all;
  info.local_name = all;
  info.hello_name = all;
  info.identity = all;
  info.tls = std::make_shared<const TlsInfo>(TlsInfo{all, all, all});
  std::string field = FormatReceived(info, true, all, {kStamp.time, all});
  int lines = 0;
  while (!field.empty()) {
    const size_t end = field.find("\r\n");
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end, 998u);
    const std::string line = field.substr(0, end);
    EXPECT_EQ(line.find_first_of("\r\n\\\""), std::string::npos);
    EXPECT_EQ(line.front() == '\t', lines > 0);
    field.erase(0, end + 2);
    ++lines;
  }
  EXPECT_EQ(lines, 3);
}

}  // namespace
}  // namespace postern
