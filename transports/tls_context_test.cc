// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/tls_context.h"

#include <openssl/ssl.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "transports/channel.h"
#include "transports/test_certificates.h"
#include "transports/tls_channel.h"
#include "transports/tls_test_client.h"

namespace postern::transports {
namespace {

using Key = TestCertificates::Key;
using Kind = Channel::Result::Kind;

// A server and a client on a wire.
struct Connection {
  Connection(std::shared_ptr<const TlsContext> context,
             const TlsTestClient::Options& options)
      : server(std::move(context), &wire), client(options, &wire) {}

  // Shakes hands; returns why not, or "".
  std::string Run() {
    bool client_done = false;
    Kind kind = Kind::kWantRead;
    for (int turns = 0; turns < 100 && kind != Kind::kEnd; ++turns) {
      client_done = client.Handshake();
      kind = server.Handshake().kind;
    }
    if (kind == Kind::kEnd) return std::string(server.error());
    return client_done && kind == Kind::kOk ? "" : "unfinished";
  }

  TestWire wire;
  TlsChannel server;
  TlsTestClient client;
};

class TlsContextTest : public testing::Test {
 protected:
  static std::shared_ptr<const TlsContext> Make(const TlsOptions& options) {
    auto context = TlsContext::Make(options);
    EXPECT_TRUE(context.ok()) << context.status();
    return context.ok() ? *std::move(context) : nullptr;
  }

  TestCertificates certificates_;
};

TEST_F(TlsContextTest, NamesTheFileThatIsNoGood) {
  const TlsFiles good = certificates_.Make("good", {});
  const TlsFiles other = certificates_.Make("other", {});
  const TlsFiles weak = certificates_.Make("weak", {.key = Key::kRsa1024});
  const std::string empty = certificates_.Write("empty", "");
  const struct {
    TlsOptions options;
    std::string message;
  } kCases[] = {
      {{}, "TLS needs a certificate"},
      {{.certificates = {good, {good.chain_file, other.key_file}}},
       other.key_file + ": not the key of " + good.chain_file},
      {{.certificates = {good, weak}}, weak.chain_file + ": ee key too small"},
      {{.certificates = {good}, .client_ca_file = empty},
       empty + ": there is no certificate in it"},
      {{.certificates = {good}, .client_ca_file = "/missing"},
       "/missing: No such file or directory"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(std::string(TlsContext::Make(c.options).status().message()),
              c.message);
  }
}

TEST_F(TlsContextTest, WarnsOfEachCertificate) {
  const TlsFiles good = certificates_.Make("good", {});
  const TlsFiles old =
      certificates_.Make("old", {.first_day = -3, .last_day = -2});
  const auto context = Make({.certificates = {old, good, old}});
  const std::string warning = old.chain_file + ": the certificate has expired";
  EXPECT_EQ(context->warnings(), (std::vector<std::string>{warning, warning}));
  EXPECT_EQ(Connection(context, {}).Run(), "");
}

// By the name that is asked for, then by the type of key.
TEST_F(TlsContextTest, ChoosesACertificate) {
  const auto context = Make(
      {.certificates = {
           certificates_.Make("1", {.key = Key::kRsa2048,
                                    .common_name = "first rsa",
                                    .host_names = {"mx.example"}}),
           certificates_.Make("2", {.common_name = "other",
                                    .host_names = {"other.wild.example"}}),
           certificates_.Make("3", {.common_name = "first ecdsa",
                                    .host_names = {"a.example", "mx.example"}}),
           certificates_.Make("4", {.key = Key::kRsa2048,
                                    .common_name = "wild rsa",
                                    .host_names = {"*.wild.example"}}),
           certificates_.Make(
               "5", {.common_name = "too late", .host_names = {"mx.example"}}),
       }});
  constexpr char kRsa[] = "aRSA";
  constexpr char kRsaPss[] = "RSA-PSS+SHA256";
  const struct {
    const char* name;
    int version;
    const char* ciphers;
    const char* signatures;
    const char* chosen;
  } kCases[] = {
      {"", TLS1_3_VERSION, "", "", "first ecdsa"},
      {"", TLS1_2_VERSION, "", "", "first ecdsa"},
      {"", TLS1_3_VERSION, "", kRsaPss, "first rsa"},
      {"", TLS1_2_VERSION, kRsa, "", "first rsa"},
      {"mx.example", TLS1_3_VERSION, "", "", "first ecdsa"},
      {"MX.example", TLS1_3_VERSION, "", "", "first ecdsa"},
      {"mx.example", TLS1_3_VERSION, "", kRsaPss, "first rsa"},
      {"mx.example", TLS1_2_VERSION, kRsa, "", "first rsa"},
      {"unknown.test", TLS1_3_VERSION, "", "", "first ecdsa"},
      {"unknown.test", TLS1_2_VERSION, kRsa, "", "first rsa"},
      {"a.b.wild.example", TLS1_3_VERSION, "", "", "first ecdsa"},
      {"other.wild.example", TLS1_3_VERSION, "", "", "other"},
      {"other.wild.example", TLS1_3_VERSION, "", kRsaPss, "wild rsa"},
      {"b.wild.example", TLS1_3_VERSION, "", "", "wild rsa"},
      {"b.wild.example", TLS1_2_VERSION, "", "", "wild rsa"},
  };
  for (const auto& c : kCases) {
    Connection connection(context, {.min_version = c.version,
                                    .max_version = c.version,
                                    .ciphers = c.ciphers,
                                    .signatures = c.signatures,
                                    .server_name = c.name});
    EXPECT_EQ(connection.Run(), "") << c.name;
    EXPECT_EQ(connection.client.server_name(), c.chosen)
        << c.name << " " << c.version << " " << c.ciphers << c.signatures;
  }
}

TEST_F(TlsContextTest, ServesNamelessCertificates) {
  const auto context =
      Make({.certificates = {certificates_.Make("a", {}),
                             certificates_.Make("b", {.common_name = "b"})}});
  Connection nameless(context, {});
  EXPECT_EQ(nameless.Run(), "");
  EXPECT_EQ(nameless.client.server_name(), "");
  Connection named(context, {.server_name = "b"});
  EXPECT_EQ(named.Run(), "");
  EXPECT_EQ(named.client.server_name(), "b");
}

// What is in the file behind the certificate, and nothing else: the authority
// for clients is not for sending.
TEST_F(TlsContextTest, SendsTheChainOfItsFile) {
  const TlsFiles ca = certificates_.Make("ca", {.common_name = "ca"});
  const TlsFiles leaf = certificates_.Make("leaf", {.issuer = "ca"});
  std::stringstream chain;
  chain << std::ifstream(leaf.chain_file).rdbuf()
        << std::ifstream(ca.chain_file).rdbuf();
  const std::string chain_file = certificates_.Write("chain", chain.str());
  const struct {
    TlsFiles files;
    int length;
  } kCases[] = {{leaf, 1}, {{chain_file, leaf.key_file}, 2}};
  for (const auto& c : kCases) {
    Connection connection(
        Make({.certificates = {c.files}, .client_ca_file = ca.chain_file}), {});
    EXPECT_EQ(connection.Run(), "");
    EXPECT_EQ(connection.client.chain_length(), c.length);
  }
}

// RFC 8446 4.1.4: the server has no use for the first group, and asks again.
TEST_F(TlsContextTest, ChoosesByTheSecondAttempt) {
  const auto context =
      Make({.certificates = {certificates_.Make("a", {.common_name = "a"}),
                             certificates_.Make("b", {.key = Key::kRsa2048,
                                                      .common_name = "b"})}});
  Connection connection(context, {.groups = "X448:P-256", .server_name = "a"});
  connection.client.Handshake();
  EXPECT_EQ(connection.server.Handshake().kind, Kind::kWantRead);
  connection.client.AskFor("b");
  EXPECT_EQ(connection.Run(), "");
  EXPECT_EQ(connection.client.server_name(), "b");
}

TEST_F(TlsContextTest, AgreesOnWhatIsGood) {
  const TlsFiles ecdsa = certificates_.Make("ecdsa", {.common_name = "mx"});
  const TlsFiles rsa =
      certificates_.Make("rsa", {.key = Key::kRsa2048, .common_name = "mx"});
  const struct {
    bool require_tls13;
    int version;
    const char* ciphers;
    const char* outcome;  // the cipher, or why there is none
  } kCases[] = {
      {false, 0, "", "TLSv1.3 TLS_AES_256_GCM_SHA384"},
      {true, 0, "", "TLSv1.3 TLS_AES_256_GCM_SHA384"},
      {false, TLS1_2_VERSION, "",
       "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
      // The server's order, not the client's.
      {false, TLS1_2_VERSION,
       "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256",
       "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
      {false, TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA",
       "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
      {false, TLS1_2_VERSION, "AES128-GCM-SHA256", "no shared cipher"},
      {true, TLS1_2_VERSION, "", "unsupported protocol"},
      {false, TLS1_1_VERSION, "", "unsupported protocol"},
      {false, TLS1_VERSION, "", "unsupported protocol"},
  };
  for (const auto& c : kCases) {
    Connection connection(
        Make({.certificates = {ecdsa, rsa}, .require_tls13 = c.require_tls13}),
        {.min_version = c.version == 0 ? TLS1_VERSION : c.version,
         .max_version = c.version,
         .ciphers = c.ciphers});
    std::string outcome = connection.Run();
    if (outcome.empty()) {
      const TlsInfo info = connection.server.info();
      outcome = absl::StrCat(info.protocol, " ", info.cipher);
    }
    EXPECT_EQ(outcome, c.outcome) << c.version << " " << c.ciphers;
  }
}

TEST_F(TlsContextTest, ServesNoOtherProtocol) {
  const auto context = Make({.certificates = {certificates_.Make("a", {})}});
  const struct {
    const char* offered;
    const char* error;
    const char* chosen;
  } kCases[] = {
      {"", "", ""},
      {"\4smtp", "", "smtp"},
      {"\2h2\5esmtp", "", "esmtp"},
      {"\2h2\10http/1.1", "no application protocol", ""},
      {"\3smt", "no application protocol", ""},
  };
  for (const auto& c : kCases) {
    Connection connection(context, {.protocols = c.offered});
    EXPECT_EQ(connection.Run(), c.error) << c.offered;
    EXPECT_EQ(connection.client.protocol(), c.chosen) << c.offered;
  }
}

TEST_F(TlsContextTest, AsksForACertificateAndDemandsNone) {
  certificates_.Make("ca", {.common_name = "ca"});
  certificates_.Make("stranger", {.common_name = "stranger"});
  TlsOptions options = {
      .certificates = {certificates_.Make("server", {.common_name = "mx"})}};
  const auto no_ca = Make(options);
  options.client_ca_file = certificates_.Path("ca.pem");
  const auto with_ca = Make(options);
  const TlsFiles known = certificates_.Make(
      "known", {.common_name = "relay, \xc3\xa9\r\n1", .issuer = "ca"});
  const TlsFiles expired = certificates_.Make(
      "expired",
      {.common_name = "old", .issuer = "ca", .first_day = -3, .last_day = -2});
  const TlsFiles strange = certificates_.Make(
      "strange", {.common_name = "relay", .issuer = "stranger"});
  certificates_.Make("false ca", {.common_name = "ca"});
  const TlsFiles forged = certificates_.Make(
      "forged", {.common_name = "relay", .issuer = "false ca"});
  const TlsFiles self = certificates_.Make("self", {.common_name = "ca"});
  const std::string subject =
      "CN=relay\\, \\C3\\A9\\0D\\0A1,O=postern\\, tests";
  const struct {
    const char* what;
    TlsFiles certificate;
    std::shared_ptr<const TlsContext> context;
    std::string subject;
  } kCases[] = {
      {"none", {}, with_ca, ""},           {"known", known, with_ca, subject},
      {"expired", expired, with_ca, ""},   {"strange", strange, with_ca, ""},
      {"self-signed", self, with_ca, ""},  {"forged", forged, with_ca, ""},
      {"not asked for", known, no_ca, ""},
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& c : kCases) {
      TlsTestClient::Options client = {.max_version = version,
                                       .certificate = c.certificate};
      Connection first(c.context, client);
      first.wire.stutter = true;  // it goes on behind the verification
      EXPECT_EQ(first.Run(), "") << c.what;
      EXPECT_EQ(first.server.info().peer_subject, c.subject) << c.what;
      // And a resumed session is no better.
      EXPECT_EQ(first.client.Read(), "");
      client.session = first.client.session();
      Connection second(c.context, client);
      EXPECT_EQ(second.Run(), "") << c.what;
      EXPECT_TRUE(second.client.resumed()) << c.what;
      EXPECT_EQ(second.server.info().peer_subject, c.subject) << c.what;
    }
  }
}

// A ticket says that its holder's certificate was looked at. Whoever did not
// look must not be believed.
TEST_F(TlsContextTest, ResumesASessionAtItsOwnListenerAlone) {
  certificates_.Make("ca", {.common_name = "ca"});
  TlsOptions options = {.id = "[::]:25",
                        .certificates = {certificates_.Make("server", {})}};
  const auto mx = Make(options);
  const auto reloaded = Make(options);
  options.client_ca_file = certificates_.Path("ca.pem");
  const auto with_ca = Make(options);
  options.client_ca_file.clear();
  options.id = "[::]:587";
  const auto submission = Make(options);
  const struct {
    const char* what;
    std::shared_ptr<const TlsContext> context;
    bool resumed;
  } kCases[] = {
      {"the same", mx, true},
      {"other id", submission, false},
      {"other authority", with_ca, false},
      {"reloaded", reloaded, false},
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& c : kCases) {
      // A new one for each: a client uses none twice in TLS 1.3.
      Connection first(mx, {.max_version = version});
      ASSERT_EQ(first.Run(), "");
      EXPECT_EQ(first.client.Read(), "");
      EXPECT_EQ(first.client.tickets(), 1);
      Connection second(c.context, {.max_version = version,
                                    .session = first.client.session()});
      EXPECT_EQ(second.Run(), "") << c.what;
      EXPECT_EQ(second.client.resumed(), c.resumed) << c.what << version;
    }
  }
}

TEST_F(TlsContextTest, IsSharedByThreads) {
  const auto context =
      Make({.certificates = {certificates_.Make("a", {.common_name = "a"}),
                             certificates_.Make("b", {.common_name = "b"})}});
  std::vector<std::thread> threads;
  for (const char* name : {"a", "b", "a", "b"}) {
    threads.emplace_back([context, name] {
      for (int i = 0; i < 50; ++i) {
        Connection connection(context, {.server_name = name});
        EXPECT_EQ(connection.Run(), "");
        EXPECT_EQ(connection.client.server_name(), name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace postern::transports
