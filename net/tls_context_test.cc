// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_context.h"

#include <openssl/ssl.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "net/channel.h"
#include "net/test_certificates.h"
#include "net/tls_channel.h"
#include "net/tls_test_client.h"

namespace postern::net {
namespace {

using Key = TestCertificates::Key;
using Kind = Channel::Result::Kind;

// A server and a client, connected in memory.
struct Connection {
  Connection(std::shared_ptr<const TlsContext> context,
             const TlsTestClient::Options& options)
      : server(std::move(context), &wire), client(options, &wire) {}

  // Runs the handshake. Returns why it failed, or "".
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

TEST_F(TlsContextTest, AnErrorNamesTheFile) {
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
       empty + ": the file contains no certificate"},
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

// First by the name that the client asks for, then by the type of key.
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

TEST_F(TlsContextTest, ServesCertificatesWithoutNames) {
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

// The chain contains the certificates of the file and no others. The authority
// for clients is not sent.
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

// RFC 8446 4.1.4: the server does not support the client's first group, and
// asks for another ClientHello.
TEST_F(TlsContextTest, TheSecondClientHelloDecidesTheCertificate) {
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

// Returns the protocol and the cipher that a client and a server agree on, or
// why they do not agree.
std::string Agreement(std::shared_ptr<const TlsContext> context,
                      const TlsTestClient::Options& client) {
  Connection connection(std::move(context), client);
  const std::string error = connection.Run();
  if (!error.empty()) return error;
  const TlsInfo info = connection.server.info();
  return absl::StrCat(info.protocol, " ", info.cipher);
}

TEST_F(TlsContextTest, ServesNoVersionBelowItsLeast) {
  const TlsFiles rsa = certificates_.Make("rsa", {.key = Key::kRsa2048});
  const TlsFiles ecdsa = certificates_.Make("ecdsa", {});
  constexpr char kRefused[] = "unsupported protocol";
  const struct {
    int version;
    const char* name;
  } kVersions[] = {{TLS1_VERSION, "TLSv1"},
                   {TLS1_1_VERSION, "TLSv1.1"},
                   {TLS1_2_VERSION, "TLSv1.2"},
                   {TLS1_3_VERSION, "TLSv1.3"}};
  for (const TlsFiles& files : {rsa, ecdsa}) {
    for (const TlsVersion least : {TlsVersion::kTls10, TlsVersion::kTls11,
                                   TlsVersion::kTls12, TlsVersion::kTls13}) {
      TlsOptions options;
      options.certificates = {files};
      options.min_version = least;
      const auto context = Make(options);
      for (size_t i = 0; i < std::size(kVersions); ++i) {
        Connection connection(context, {.min_version = kVersions[i].version,
                                        .max_version = kVersions[i].version});
        const bool served = i >= static_cast<size_t>(least);
        EXPECT_EQ(connection.Run(), served ? "" : kRefused)
            << kVersions[i].name;
        if (served) {
          EXPECT_EQ(connection.server.info().protocol, kVersions[i].name);
        }
      }
    }
  }
}

TEST_F(TlsContextTest, PrefersItsOwnOrderOfCiphers) {
  const TlsFiles ecdsa = certificates_.Make("ecdsa", {.common_name = "mx"});
  const TlsFiles rsa =
      certificates_.Make("rsa", {.key = Key::kRsa2048, .common_name = "mx"});
  const auto context = Make({.certificates = {ecdsa, rsa}});
  constexpr char kAes128[] = "TLS_AES_128_GCM_SHA256";
  constexpr char kAes256[] = "TLS_AES_256_GCM_SHA384";
  constexpr char kChaCha[] = "TLS_CHACHA20_POLY1305_SHA256";
  const struct {
    int version;
    std::string ciphers;  // of the client, in its order
    std::string chosen;   // or the error
  } kCases[] = {
      // A client without a preference: OpenSSL's default order.
      {TLS1_3_VERSION, "", kAes128},
      {TLS1_2_VERSION, "", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
      {TLS1_3_VERSION, absl::StrCat(kAes256, ":", kChaCha, ":", kAes128),
       kAes128},
      {TLS1_3_VERSION, absl::StrCat(kAes256, ":", kChaCha), kAes256},
      {TLS1_3_VERSION, kAes256, kAes256},
      // A client without hardware for AES.
      {TLS1_3_VERSION, absl::StrCat(kChaCha, ":", kAes256, ":", kAes128),
       kChaCha},
      {TLS1_2_VERSION,
       "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
       "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
      {TLS1_2_VERSION,
       "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256",
       "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
      {TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256",
       "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
      {TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA",
       "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
      // Ciphers without forward secrecy.
      {TLS1_2_VERSION, "AES128-GCM-SHA256", "no shared cipher"},
      {TLS1_2_VERSION, "AES128-SHA", "no shared cipher"},
  };
  for (const auto& c : kCases) {
    const bool tls13 = c.version == TLS1_3_VERSION;
    const std::string expected =
        c.chosen == "no shared cipher"
            ? c.chosen
            : absl::StrCat(tls13 ? "TLSv1.3 " : "TLSv1.2 ", c.chosen);
    EXPECT_EQ(Agreement(context, {.min_version = c.version,
                                  .max_version = c.version,
                                  .ciphers = tls13 ? "" : c.ciphers,
                                  .suites = tls13 ? c.ciphers : ""}),
              expected)
        << c.ciphers;
  }
}

TEST_F(TlsContextTest, HasTheCiphersOfItsList) {
  const TlsFiles rsa = certificates_.Make("rsa", {.key = Key::kRsa2048});
  constexpr char kNone[] = "no shared cipher";
  const struct {
    TlsVersion least;
    const char* server;
    int version;
    const char* client;
    const char* outcome;
  } kCases[] = {
      // A printer: TLS 1.0 and only static RSA.
      {TlsVersion::kTls10, "ECDHE+AES:AES128-SHA", TLS1_VERSION, "AES128-SHA",
       "TLSv1 TLS_RSA_WITH_AES_128_CBC_SHA"},
      {TlsVersion::kTls10, "", TLS1_VERSION, "AES128-SHA", kNone},
      {TlsVersion::kTls10, "", TLS1_VERSION, "ECDHE-RSA-AES256-SHA",
       "TLSv1 TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
      {TlsVersion::kTls10, "ECDHE+AES:AES128-SHA", TLS1_2_VERSION, "",
       "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
      {TlsVersion::kTls10, "AES128-SHA", TLS1_3_VERSION, "",
       "TLSv1.3 TLS_AES_128_GCM_SHA256"},
      // The list sets the security level.
      {TlsVersion::kTls10, "AES128-SHA:@SECLEVEL=1", TLS1_VERSION, "AES128-SHA",
       OPENSSL_VERSION_NUMBER < 0x30500000 ? "no suitable signature algorithm"
                                           : "unsupported protocol"},
      {TlsVersion::kTls12, "kRSA", TLS1_2_VERSION, "AES128-GCM-SHA256",
       "TLSv1.2 TLS_RSA_WITH_AES_128_GCM_SHA256"},
      {TlsVersion::kTls12, "DHE+AESGCM", TLS1_2_VERSION, "",
       "TLSv1.2 TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
      {TlsVersion::kTls12, "HIGH:!kRSA", TLS1_2_VERSION, "AES128-GCM-SHA256",
       kNone},
      // No client is served without authentication or encryption.
      {TlsVersion::kTls12, "ALL:COMPLEMENTOFALL:@SECLEVEL=0", TLS1_2_VERSION,
       "aNULL", kNone},
      {TlsVersion::kTls12, "ALL:COMPLEMENTOFALL:@SECLEVEL=0", TLS1_2_VERSION,
       "eNULL", kNone},
  };
  for (const auto& c : kCases) {
    TlsOptions options;
    options.min_version = c.least;
    options.ciphers = c.server;
    options.certificates = {rsa};
    EXPECT_EQ(Agreement(Make(options), {.min_version = c.version,
                                        .max_version = c.version,
                                        .ciphers = c.client}),
              c.outcome)
        << c.server << " " << c.client;
  }
}

TEST_F(TlsContextTest, RefusesAWrongCipherList) {
  const struct {
    const char* ciphers;
    const char* message;
  } kCases[] = {
      {"", ""},
      {"HIGH", ""},
      {"DEFAULT:@SECLEVEL=0", ""},
      {"DEFAULT@SECLEVEL=0", ""},
      {"ECDHE+AES:AES128-SHA:!RC4:-MEDIUM:+LOW:@STRENGTH", ""},
      {"ECDHE+AES:AES129-SHA", "OpenSSL has no cipher that matches AES129-SHA"},
      {"ECDHE+EAS", "OpenSSL has no cipher that matches ECDHE+EAS"},
      {"TLS_AES_128_GCM_SHA256",
       "OpenSSL has no cipher that matches TLS_AES_128_GCM_SHA256"},
      {"eNULL", "eNULL:!aNULL:!eNULL: no cipher match"},
      {"HIGH:@SECLEVEL=6", "HIGH:@SECLEVEL=6:!aNULL:!eNULL: invalid command"},
  };
  const TlsFiles good = certificates_.Make("good", {});
  for (const auto& c : kCases) {
    TlsOptions options;
    options.ciphers = c.ciphers;
    options.certificates = {good};
    EXPECT_EQ(CheckTlsSettings(options).message(), c.message) << c.ciphers;
    EXPECT_EQ(TlsContext::Make(options).status().message(), c.message)
        << c.ciphers;
  }
}

TEST_F(TlsContextTest, WarnsIfNoCertificateFitsTheCipherList) {
  const TlsFiles ecdsa = certificates_.Make("ecdsa", {});
  const TlsFiles rsa = certificates_.Make("rsa", {.key = Key::kRsa2048});
  const std::vector<std::string> warning = {
      "no cipher of the list fits the key of a certificate: TLS 1.2 and older "
      "are not served"};
  const struct {
    std::vector<TlsFiles> certificates;
    TlsVersion least;
    const char* ciphers;
    std::vector<std::string> warnings;
  } kCases[] = {
      {{ecdsa}, TlsVersion::kTls10, "AES128-SHA", warning},
      {{ecdsa}, TlsVersion::kTls12, "aRSA", warning},
      {{rsa}, TlsVersion::kTls12, "aECDSA", warning},
      {{ecdsa, rsa}, TlsVersion::kTls10, "AES128-SHA", {}},
      {{rsa}, TlsVersion::kTls10, "AES128-SHA", {}},
      {{ecdsa}, TlsVersion::kTls12, "aRSA:aECDSA", {}},
      {{ecdsa}, TlsVersion::kTls13, "aRSA", {}},
      {{ecdsa}, TlsVersion::kTls12, "", {}},
      {{rsa}, TlsVersion::kTls12, "", {}},
  };
  for (const auto& c : kCases) {
    TlsOptions options;
    options.certificates = c.certificates;
    options.min_version = c.least;
    options.ciphers = c.ciphers;
    EXPECT_EQ(Make(options)->warnings(), c.warnings) << c.ciphers;
  }
}

TEST_F(TlsContextTest, OldClientsDoNotPermitAWeakKey) {
  const TlsFiles weak = certificates_.Make("weak", {.key = Key::kRsa1024});
  TlsOptions options;
  options.certificates = {weak};
  options.min_version = TlsVersion::kTls10;
  EXPECT_EQ(std::string(TlsContext::Make(options).status().message()),
            weak.chain_file + ": ee key too small");
  // The cipher list may permit it.
  options.ciphers = "ECDHE+AES:@SECLEVEL=0";
  EXPECT_TRUE(TlsContext::Make(options).ok());
}

TEST_F(TlsContextTest, SendsTicketsIfTheSettingSaysSo) {
  const TlsFiles files = certificates_.Make("server", {});
  for (const int version :
       {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool tickets : {false, true}) {
      TlsOptions options;
      options.certificates = {files};
      options.min_version = TlsVersion::kTls10;
      options.tickets = tickets;
      const auto context = Make(options);
      Connection first(context,
                       {.min_version = version, .max_version = version});
      ASSERT_EQ(first.Run(), "");
      EXPECT_EQ(first.client.Read(), "");
      EXPECT_EQ(first.client.tickets(), tickets ? 1 : 0) << version;
      Connection second(context, {.min_version = version,
                                  .max_version = version,
                                  .session = first.client.session()});
      EXPECT_EQ(second.Run(), "");
      EXPECT_EQ(second.client.resumed(), tickets) << version;
    }
  }
}

TEST_F(TlsContextTest, RefusesClientsOfOtherProtocols) {
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

TEST_F(TlsContextTest, RequestsACertificateButDoesNotRequireOne) {
  certificates_.Make("ca", {.common_name = "ca"});
  certificates_.Make("stranger", {.common_name = "stranger"});
  TlsOptions options;
  options.certificates = {certificates_.Make("server", {.common_name = "mx"})};
  options.tickets = true;
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
      first.wire.stutter = true;  // continues after verification
      EXPECT_EQ(first.Run(), "") << c.what;
      EXPECT_EQ(first.server.info().peer_subject, c.subject) << c.what;
      // A resumed session has the same subject.
      EXPECT_EQ(first.client.Read(), "");
      client.session = first.client.session();
      Connection second(c.context, client);
      EXPECT_EQ(second.Run(), "") << c.what;
      EXPECT_TRUE(second.client.resumed()) << c.what;
      EXPECT_EQ(second.server.info().peer_subject, c.subject) << c.what;
    }
  }
}

// A ticket states that its holder's certificate was verified. A listener that
// did not verify must not accept the ticket.
TEST_F(TlsContextTest, ASessionIsResumedOnlyAtItsOwnListener) {
  certificates_.Make("ca", {.common_name = "ca"});
  TlsOptions options;
  options.id = "[::]:25";
  options.certificates = {certificates_.Make("server", {})};
  options.tickets = true;
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
      // A new session for each case: TLS 1.3 clients use a session only once.
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

TEST_F(TlsContextTest, ThreadsMayShareAContext) {
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
}  // namespace postern::net
