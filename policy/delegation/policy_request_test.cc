// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_request.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

SessionInfo Full() {
  SessionInfo session;
  session.session_id = "abc";
  session.remote_address = IpAddress::Parse("192.0.2.1");
  session.remote_port = 40123;
  session.local_address = IpAddress::Parse("2001:db8::25");
  session.local_port = 587;
  session.remote_name = "client.example";
  session.name_status = NameStatus::kConfirmed;
  session.hello_name = "helo.example";
  session.hello_verb = Hello::Verb::kEhlo;
  session.identity = "ann@x.example";
  session.mechanism = "PLAIN";
  session.tls = std::make_shared<const TlsInfo>(
      TlsInfo{"TLSv1.3", "TLS_AES_128_GCM_SHA256", "CN=client"});
  return session;
}

TEST(PolicyRequestTest, HasAllAttributesOfPostfix) {
  const Rcpt rcpt = {.message = 7, .size = 12345};
  EXPECT_EQ(
      FormatPolicyRequest(rcpt, {"s", "x.example"}, {"u", "d.example"}, Full()),
      "request=smtpd_access_policy\n"
      "protocol_state=RCPT\n"
      "protocol_name=ESMTP\n"
      "client_address=192.0.2.1\n"
      "client_name=client.example\n"
      "client_port=40123\n"
      "reverse_client_name=client.example\n"
      "server_address=2001:db8::25\n"
      "server_port=587\n"
      "helo_name=helo.example\n"
      "sender=s@x.example\n"
      "recipient=u@d.example\n"
      "recipient_count=0\n"
      "queue_id=\n"
      "instance=abc-7\n"
      "size=12345\n"
      "etrn_domain=\n"
      "stress=\n"
      "sasl_method=PLAIN\n"
      "sasl_username=ann@x.example\n"
      "sasl_sender=\n"
      "ccert_subject=CN=client\n"
      "ccert_issuer=\n"
      "ccert_fingerprint=\n"
      "ccert_pubkey_fingerprint=\n"
      "encryption_protocol=TLSv1.3\n"
      "encryption_cipher=TLS_AES_128_GCM_SHA256\n"
      "encryption_keysize=128\n"
      "policy_context=\n"
      "\n");
}

TEST(PolicyRequestTest, EnvelopeIsAskedAboutInTheStateData) {
  const auto lines = [](const BodyBegin& begin) {
    std::string kept;
    for (const absl::string_view line :
         absl::StrSplit(FormatPolicyRequest(begin, Full()), '\n')) {
      for (const absl::string_view name :
           {"protocol_state=", "sender=", "recipient=", "recipient_count=",
            "instance=", "size="}) {
        if (absl::StartsWith(line, name)) absl::StrAppend(&kept, line, "|");
      }
    }
    return kept;
  };
  EXPECT_EQ(lines({.from = {"s", "x.example"},
                   .to = {"u", "d.example"},
                   .recipients = 1,
                   .message = 7,
                   .size = 12345}),
            "protocol_state=DATA|sender=s@x.example|recipient=u@d.example|"
            "recipient_count=1|instance=abc-7|size=12345|");
  EXPECT_EQ(lines({.recipients = 50}),
            "protocol_state=DATA|sender=|recipient=|recipient_count=50|"
            "instance=abc-0|size=0|");
}

TEST(PolicyRequestTest, WhatIsNotKnownIsEmptyOrUnknown) {
  const std::string request =
      FormatPolicyRequest({}, Path(), {"postmaster", ""}, SessionInfo());
  for (const absl::string_view line :
       {"\nprotocol_name=SMTP\n", "\nclient_address=unknown\n",
        "\nclient_name=unknown\n", "\nreverse_client_name=unknown\n",
        "\nclient_port=\n", "\nserver_address=\n", "\nserver_port=\n",
        "\nhelo_name=\n", "\nsender=\n", "\nrecipient=postmaster\n",
        "\nsize=0\n", "\nencryption_protocol=\n", "\nencryption_keysize=0\n"}) {
    EXPECT_TRUE(absl::StrContains(request, line)) << line;
  }
}

// Policy servers exempt clients by client_name, which anyone could forge in
// PTR records.
TEST(PolicyRequestTest, OnlyAConfirmedNameIsTheClientsName) {
  SessionInfo session = Full();
  for (const NameStatus status :
       {NameStatus::kUnchecked, NameStatus::kForged}) {
    session.name_status = status;
    const std::string request = FormatPolicyRequest({}, {}, {}, session);
    EXPECT_TRUE(absl::StrContains(request, "\nclient_name=unknown\n"));
    EXPECT_TRUE(
        absl::StrContains(request, "\nreverse_client_name=client.example\n"));
  }
}

TEST(PolicyRequestTest, NoValueAddsAnAttribute) {
  SessionInfo session = Full();
  const std::string usual = FormatPolicyRequest({}, {}, {}, session);
  session.hello_name = "a\nsasl_username=boss";
  session.identity = "b\r\n\nrequest=x";
  session.remote_name = std::string("c\0d", 3);
  session.tls = std::make_shared<const TlsInfo>(TlsInfo{"\n", "\n\n", "\n="});
  const std::string request =
      FormatPolicyRequest({}, {"s\n\n", "x\n"}, {"u\naction=OK", "d"}, session);
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(request), lines(usual));
  EXPECT_EQ(request.find("\n\n"), request.size() - 2);
  EXPECT_TRUE(absl::StrContains(request, "\nhelo_name=a?sasl_username=boss\n"));
  EXPECT_TRUE(absl::StrContains(request, "\nreverse_client_name=c?d\n"));
  EXPECT_TRUE(absl::StrContains(request, "\nsender=s??@x?\n"));
}

TEST(PolicyRequestTest, CiphersHaveTheirKeySize) {
  const struct {
    absl::string_view cipher;
    int bits;
  } cases[] = {
      {"TLS_AES_128_GCM_SHA256", 128},
      {"TLS_AES_256_GCM_SHA384", 256},
      {"TLS_CHACHA20_POLY1305_SHA256", 256},
      {"ECDHE-RSA-AES128-GCM-SHA256", 128},
      {"ECDHE-ECDSA-AES256-SHA384", 256},
      {"ECDHE-ECDSA-CHACHA20-POLY1305", 256},
      {"DES-CBC3-SHA", 0},
      {"", 0},
  };
  for (const auto& c : cases) EXPECT_EQ(CipherBits(c.cipher), c.bits);
}

}  // namespace
}  // namespace postern::policy
