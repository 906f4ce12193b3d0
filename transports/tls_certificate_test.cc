// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/tls_certificate.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "transports/test_certificates.h"

namespace postern::transports {
namespace {

using Key = TestCertificates::Key;

class TlsCertificateTest : public testing::Test {
 protected:
  absl::StatusOr<TlsCertificate> Load(const TlsFiles& files) {
    warnings_.clear();
    return TlsCertificate::Load(files, &warnings_);
  }

  TestCertificates certificates_;
  std::vector<std::string> warnings_;
};

TEST_F(TlsCertificateTest, NamesHosts) {
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
      {"common.example", false, false},  // a common name beside others
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

TEST_F(TlsCertificateTest, KnowsItsKey) {
  const auto rsa = Load(certificates_.Make("rsa", {.key = Key::kRsa2048}));
  const auto ecdsa = Load(certificates_.Make("ecdsa", {}));
  ASSERT_TRUE(rsa.ok() && ecdsa.ok());
  EXPECT_NE(rsa->key_type(), ecdsa->key_type());
}

TEST_F(TlsCertificateTest, IsRefusedWithoutItsKey) {
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
       no_key + ": no private key in it that needs no passphrase"},
      {{no_key, a.key_file}, no_key + ": there is no certificate in it"},
      {{a.chain_file, "/missing"}, "/missing: No such file or directory"},
      {{"/missing", a.key_file}, "/missing: No such file or directory"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Load(c.files).status().message(), c.message);
  }
}

TEST_F(TlsCertificateTest, WarnsOfWhatWorks) {
  const TlsFiles good = certificates_.Make("good", {});
  const TlsFiles old =
      certificates_.Make("old", {.first_day = -3, .last_day = -2});
  const TlsFiles early =
      certificates_.Make("early", {.first_day = 2, .last_day = 3});
  const TlsFiles open = certificates_.Make("open", {});
  ASSERT_EQ(chmod(open.key_file.c_str(), 0640), 0);
  const struct {
    TlsFiles files;
    std::vector<std::string> warnings;
  } kCases[] = {
      {good, {}},
      {old, {old.chain_file + ": the certificate has expired"}},
      {early, {early.chain_file + ": the certificate is not valid yet"}},
      {open, {open.key_file + ": others may read this key"}},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(Load(c.files).ok());
    EXPECT_EQ(warnings_, c.warnings);
  }
}

}  // namespace
}  // namespace postern::transports
