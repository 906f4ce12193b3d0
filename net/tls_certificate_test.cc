// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_certificate.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/test_certificates.h"

namespace postern::net {
namespace {

using Key = TestCertificates::Key;

class TlsCertificateTest : public testing::Test {
 protected:
  absl::StatusOr<TlsCertificate> Load(const TlsFiles& files) {
    warnings_.clear();
    return TlsCertificate::Load(files, &warnings_);
  }

  std::string Read(const std::string& file) {
    std::stringstream bytes;
    bytes << std::ifstream(certificates_.Path(file)).rdbuf();
    return bytes.str();
  }

  TestCertificates certificates_;
  std::vector<std::string> warnings_;
};

TEST_F(TlsCertificateTest, NamesHostsByAlternativeOrCommonNames) {
  const auto plain =
      Load(certificates_.Make("plain", {.common_name = "old.example"}));
  const auto wild = Load(certificates_.Make(
      "wild", {.common_name = "common.example",
               .host_names = {"mx.example", "*.example.org"}}));
  ASSERT_TRUE(plain.ok() && wild.ok());
  EXPECT_EQ(plain->first_name(), "old.example");
  EXPECT_EQ(wild->first_name(), "mx.example");
  const struct {
    const char* name;
    bool plain;
    bool wild;
  } kCases[] = {
      {"old.example", true, false},
      {"OLD.Example", true, false},
      {"mx.old.example", false, false},
      {"mx.example", false, true},
      {"common.example", false, false},  // alternative names replace it
      {"a.example.org", false, true},
      {"a.b.example.org", false, false},
      {"example.org", false, false},
      {".example.org", false, false},
      {".example", false, false},
      {"*.example.org", false, true},
      {"", false, false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(plain->Names(c.name), c.plain) << c.name;
    EXPECT_EQ(wild->Names(c.name), c.wild) << c.name;
  }
}

TEST_F(TlsCertificateTest, KnowsTheTypeOfItsKey) {
  const auto rsa = Load(certificates_.Make("rsa", {.key = Key::kRsa2048}));
  const auto ecdsa = Load(certificates_.Make("ecdsa", {}));
  ASSERT_TRUE(rsa.ok() && ecdsa.ok());
  EXPECT_NE(rsa->key_type(), ecdsa->key_type());
}

TEST_F(TlsCertificateTest, LoadFailsWithoutTheKeyOfTheCertificate) {
  const TlsFiles a = certificates_.Make("a", {});
  const TlsFiles b = certificates_.Make("b", {});
  const TlsFiles rsa = certificates_.Make("rsa", {.key = Key::kRsa2048});
  const std::string no_key = certificates_.Write("empty", "");
  const struct {
    TlsFiles files;
    std::string message;
  } kCases[] = {
      {{a.chain_file, b.key_file},
       b.key_file + ": not the key of " + a.chain_file},
      {{a.chain_file, rsa.key_file},
       rsa.key_file + ": not the key of " + a.chain_file},
      {{a.chain_file, no_key},
       no_key +
           ": the file contains no private key without a passphrase; a key in "
           "another file needs --tls-key or key="},
      {{no_key, a.key_file}, no_key + ": the file contains no certificate"},
      {{a.chain_file, "/missing"}, "/missing: No such file or directory"},
      {{"/missing", a.key_file}, "/missing: No such file or directory"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Load(c.files).status().message(), c.message);
  }
}

TEST_F(TlsCertificateTest, WarnsOfCertificatesThatClientsMayRefuse) {
  const TlsFiles good = certificates_.Make("good", {});
  const TlsFiles old =
      certificates_.Make("old", {.first_day = -3, .last_day = -2});
  const TlsFiles early =
      certificates_.Make("early", {.first_day = 2, .last_day = 3});
  const TlsFiles open = certificates_.Make("open", {});
  ASSERT_EQ(chmod(open.key_file.c_str(), 0644), 0);
  const TlsFiles client =
      certificates_.Make("client", {.extended_key_usage = "clientAuth"});
  const struct {
    TlsFiles files;
    std::vector<std::string> warnings;
  } kCases[] = {
      {good, {}},
      {old, {old.chain_file + ": the certificate has expired"}},
      {early, {early.chain_file + ": the certificate is not valid yet"}},
      {open, {open.key_file + ": other users can read this key"}},
      {certificates_.Make("server", {.extended_key_usage = "serverAuth"}), {}},
      {client, {client.chain_file + ": the certificate is not for servers"}},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(Load(c.files).ok());
    EXPECT_EQ(warnings_, c.warnings);
  }
}

// A client that does not have the intermediate certificates cannot verify the
// server's certificate, even if the server can.
TEST_F(TlsCertificateTest, WarnsOfAChainThatClientsCannotFollow) {
  certificates_.Make("root", {.common_name = "root"});
  certificates_.Make("middle", {.common_name = "middle", .issuer = "root"});
  certificates_.Make("old", {.common_name = "old",
                             .issuer = "root",
                             .first_day = -3,
                             .last_day = -2});
  certificates_.Make("stranger", {.common_name = "stranger"});
  certificates_.Make("leaf", {.common_name = "leaf", .issuer = "middle"});
  certificates_.Make("old leaf", {.common_name = "leaf", .issuer = "old"});
  certificates_.Make(
      "public leaf",
      {.common_name = "leaf",
       .issuer = "middle",
       .authority_access = "caIssuers;URI:http://ca.example/middle"});
  // The same names with other keys.
  const std::string middle = Read("middle.pem");
  certificates_.Make("middle", {.common_name = "middle", .issuer = "root"});
  const std::string impostor = Read("middle.pem");

  const std::string root = Read("root.pem");
  const std::string leaf = Read("leaf.pem");
  const struct {
    const char* what;
    std::string key;
    std::string chain;
    const char* warning;
  } kCases[] = {
      {"whole", "leaf", leaf + middle + root, ""},
      {"without its root", "leaf", leaf + middle, ""},
      {"private authority's", "leaf", leaf, ""},
      {"public authority's", "public leaf", Read("public leaf.pem"),
       "the certificate of the issuer is missing"},
      {"the same, whole", "public leaf", Read("public leaf.pem") + middle, ""},
      {"in the wrong order", "leaf", leaf + root + middle,
       "certificate 2 is not the issuer of certificate 1"},
      {"with a stranger at its end", "leaf",
       leaf + middle + Read("stranger.pem"),
       "certificate 3 is not the issuer of certificate 2"},
      {"with an issuer of the same name", "leaf", leaf + impostor,
       "certificate 2 is not the issuer of certificate 1"},
      {"old", "old leaf", Read("old leaf.pem") + Read("old.pem") + root,
       "certificate 2 has expired"},
  };
  for (const auto& c : kCases) {
    const std::string chain = certificates_.Write("chain", c.chain);
    std::vector<std::string> warnings;
    if (*c.warning != '\0') warnings = {chain + ": " + c.warning};
    EXPECT_TRUE(Load({chain, certificates_.Path(c.key + ".key")}).ok());
    EXPECT_EQ(warnings_, warnings) << c.what;
  }
}

}  // namespace
}  // namespace postern::net
