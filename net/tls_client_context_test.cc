// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_client_context.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "net/channel.h"
#include "net/pem_file.h"
#include "net/test_certificates.h"
#include "net/tls_channel.h"
#include "net/tls_context.h"
#include "net/tls_test_client.h"

namespace postern::net {
namespace {

using Kind = Channel::Result::Kind;

// The client's end of a TestWire.
class ClientEnd : public Channel {
 public:
  explicit ClientEnd(TestWire* wire) : wire_(*wire) {}
  Result Read(absl::Span<char> room) override {
    if (wire_.to_client.empty())
      return {server_gone ? Kind::kEnd : Kind::kWantRead};
    const size_t count = wire_.to_client.copy(room.data(), room.size());
    wire_.to_client.erase(0, count);
    return {Kind::kOk, count};
  }
  Result Write(absl::string_view bytes) override {
    wire_.to_server.append(bytes.data(), bytes.size());
    return {Kind::kOk, bytes.size()};
  }

  bool server_gone = false;

 private:
  TestWire& wire_;
};

class TlsClientContextTest : public testing::Test {
 protected:
  TlsClientContextTest()
      : authority_(certificates_.Make("ca", {.common_name = "CA"})) {}

  TlsFiles Issue(const std::string& name, int last_day = 1) {
    return certificates_.Make(name, {.common_name = name,
                                     .host_names = {name, "192.0.2.1"},
                                     .issuer = "ca",
                                     .authority = false,
                                     .first_day = std::min(-1, last_day - 1),
                                     .last_day = last_day});
  }
  static std::string Fingerprint(const TlsFiles& files) {
    const auto pem = PemFile::Read(files.chain_file);
    const auto chain = *pem->Certificates();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EXPECT_EQ(X509_digest(chain[0].get(), EVP_sha256(), digest, &size), 1);
    return absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(digest), size));
  }

  // Returns the error of the handshake with a server that has `files`; empty
  // if it is complete and octets pass in both directions.
  std::string Connect(const TlsClientOptions& options, const TlsFiles& files,
                      const std::string& name) {
    const auto server_context = TlsContext::Make({.certificates = {files}});
    EXPECT_TRUE(server_context.ok()) << server_context.status();
    const auto context = TlsClientContext::Make(options);
    EXPECT_TRUE(context.ok()) << context.status();
    TestWire wire;
    ClientEnd end(&wire);
    TlsChannel server(*server_context, &wire);
    TlsChannel client(*context, name, &end);
    Kind kind = Kind::kWantRead;
    for (int i = 0; i < 8; ++i) {
      kind = client.Handshake().kind;
      (void)server.Handshake();
    }
    if (kind != Kind::kOk) return client.error();
    EXPECT_TRUE(client.Write("hello").kind == Kind::kOk);
    char room[16];
    Channel::Result read = server.Read(absl::MakeSpan(room));
    EXPECT_EQ(absl::string_view(room, read.count), "hello");
    EXPECT_TRUE(server.Write("hi").kind == Kind::kOk);
    read = client.Read(absl::MakeSpan(room));
    EXPECT_EQ(absl::string_view(room, read.count), "hi");
    EXPECT_EQ(client.Shutdown().kind, Kind::kOk);
    EXPECT_EQ(server.Read(absl::MakeSpan(room)).kind, Kind::kEnd);
    EXPECT_EQ(server.error(), "");
    return "";
  }

  TestCertificates certificates_;
  const TlsFiles authority_;
};

TEST_F(TlsClientContextTest, CertificateOfTheServerIsAccepted) {
  const TlsFiles files = Issue("mx.example");
  const TlsClientOptions with_ca{.ca_file = authority_.chain_file};
  EXPECT_EQ(Connect(with_ca, files, "mx.example"), "");
  EXPECT_EQ(Connect(with_ca, files, "MX.example"), "");
  EXPECT_EQ(Connect(with_ca, files, "192.0.2.1"), "");
  // The certificate itself may be the authority.
  EXPECT_EQ(Connect({.ca_file = files.chain_file}, files, "mx.example"), "");
  EXPECT_EQ(Connect({.fingerprints = {Fingerprint(files)}}, files, ""), "");
  EXPECT_EQ(
      Connect({.fingerprints = {std::string(64, '0'), Fingerprint(files)}},
              files, "other.example"),
      "");
}

TEST_F(TlsClientContextTest, AnotherCertificateIsRefused) {
  const TlsFiles files = Issue("mx.example");
  const TlsClientOptions with_ca{.ca_file = authority_.chain_file};
  EXPECT_EQ(Connect(with_ca, files, "other.example"), "hostname mismatch");
  EXPECT_EQ(Connect(with_ca, files, "192.0.2.2"), "IP address mismatch");
  // The name of an address counts only as an address, and the other way round.
  EXPECT_EQ(Connect(with_ca, files, "example"), "hostname mismatch");
  const TlsFiles other = certificates_.Make(
      "other", {.common_name = "mx.example", .host_names = {"mx.example"}});
  EXPECT_EQ(Connect(with_ca, other, "mx.example"), "self-signed certificate");
  EXPECT_EQ(Connect({.fingerprints = {Fingerprint(other)}}, files, ""),
            "the certificate has another fingerprint");
  // The authorities of the system do not know it.
  EXPECT_NE(Connect({}, files, "mx.example"), "");
  EXPECT_EQ(Connect(with_ca, Issue("old.example", -2), "old.example"),
            "certificate has expired");
  // A common name is no name (RFC 9525 6.3).
  EXPECT_EQ(Connect(with_ca,
                    certificates_.Make(
                        "cn", {.common_name = "cn.example", .issuer = "ca"}),
                    "cn.example"),
            "hostname mismatch");
}

// With a fingerprint the dates do not count: it is a statement of the
// administrator about one certificate.
TEST_F(TlsClientContextTest, FingerprintIsEnough) {
  const TlsFiles old = Issue("old.example", -2);
  EXPECT_EQ(Connect({.fingerprints = {Fingerprint(old)}}, old, "mx.example"),
            "");
}

TEST_F(TlsClientContextTest, WithoutVerificationAnyCertificateIsAccepted) {
  EXPECT_EQ(Connect({.verify = false}, Issue("old.example", -2), "mx.example"),
            "");
  EXPECT_EQ(Connect({.verify = false}, Issue("mx.example"), ""), "");
}

// OpenSSL verifies no name if it gets none.
TEST_F(TlsClientContextTest, EmptyNameIsNotEveryName) {
  const auto context =
      TlsClientContext::Make({.ca_file = authority_.chain_file});
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ((*context)->NewClient(""), nullptr);
  TestWire wire;
  ClientEnd end(&wire);
  TlsChannel client(*context, "", &end);
  EXPECT_EQ(client.Handshake().kind, Kind::kEnd);
}

TEST_F(TlsClientContextTest, BrokenServersAreErrors) {
  const auto context =
      TlsClientContext::Make({.ca_file = authority_.chain_file});
  ASSERT_TRUE(context.ok()) << context.status();
  const struct {
    std::string sent;
    std::string error;
  } cases[] = {
      {"", "server closed the connection"},
      {"220 mx ESMTP\r\n500 what?\r\n", "wrong version number"},
      // An alert.
      {std::string("\x15\x03\x03\0\2\2\x28", 7), "alert handshake failure"},
  };
  for (const auto& c : cases) {
    TestWire wire;
    ClientEnd end(&wire);
    TlsChannel client(*context, "mx.example", &end);
    EXPECT_EQ(client.Handshake().kind, Kind::kWantRead);
    wire.to_client = c.sent;
    end.server_gone = true;
    EXPECT_EQ(client.Handshake().kind, Kind::kEnd);
    EXPECT_TRUE(absl::StrContains(client.error(), c.error)) << client.error();
    EXPECT_EQ(client.Handshake().kind, Kind::kEnd);
  }
}

TEST_F(TlsClientContextTest, OldVersionsAreNotSpoken) {
  const TlsFiles files = Issue("mx.example");
  TlsOptions options{.certificates = {files}};
  options.min_version = TlsVersion::kTls10;
  const auto server_context = TlsContext::Make(options);
  ASSERT_TRUE(server_context.ok());
  const auto context =
      TlsClientContext::Make({.ca_file = authority_.chain_file});
  SSL* const ssl = (*context)->NewClient("mx.example").release();
  EXPECT_EQ(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
  SSL_free(ssl);
}

TEST_F(TlsClientContextTest, ErrorsAndWarningsNameTheFile) {
  auto made = TlsClientContext::Make({.ca_file = "/nowhere/ca.pem"});
  EXPECT_TRUE(absl::StrContains(made.status().message(), "/nowhere/ca.pem"));
  const std::string empty = certificates_.Write("empty.pem", "");
  made = TlsClientContext::Make({.ca_file = empty});
  EXPECT_TRUE(absl::StrContains(made.status().message(), empty))
      << made.status();
  made = TlsClientContext::Make({.ca_file = authority_.chain_file});
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE((*made)->warnings().empty());
  const std::string old = Issue("old.example", -2).chain_file;
  made = TlsClientContext::Make({.ca_file = old});
  ASSERT_TRUE(made.ok());
  ASSERT_EQ((*made)->warnings().size(), 1u);
  EXPECT_TRUE(absl::StrContains((*made)->warnings()[0], "has expired"));
  EXPECT_TRUE(absl::StrContains((*made)->warnings()[0], old));
}

TEST_F(TlsClientContextTest, VersionFollowsTheAuthorities) {
  const auto version = [](const TlsClientOptions& options) {
    return (*TlsClientContext::Make(options))->version();
  };
  const TlsClientOptions one{.ca_file = authority_.chain_file};
  const TlsClientOptions other{.ca_file = Issue("b.example").chain_file};
  EXPECT_EQ(version(one), version(one));
  EXPECT_NE(version(one), version(other));
  EXPECT_NE(version({}), version(one));
  EXPECT_NE(version({}), version({.verify = false}));
  EXPECT_NE(version({}), version({.fingerprints = {std::string(64, '0')}}));
}

}  // namespace
}  // namespace postern::net
