// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/certificate_options.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/tls_settings.h"
#include "service/options.h"

namespace postern::service {
namespace {

using net::TlsVersion;

constexpr OptionRow kRows[] = {kTlsCertRow, kTlsKeyRow, kClientCaRow,
                               kTlsMinRow, kTlsCiphersRow};

class CertificateOptionsTest : public testing::Test {
 protected:
  // Reads a command line. Returns the mistake, or "".
  std::string Read(const std::vector<const char*>& arguments) {
    Options given(kRows);
    given.Read(arguments, [](const char*) { return nullptr; });
    options_ = {};
    ReadCertificateOptions(&given, &options_);
    NeedCertificate(!options_.certificates.empty(), &given);
    return std::string(given.status().message());
  }

  CertificateOptions options_;
};

TEST_F(CertificateOptionsTest, WithoutCertificatesThereIsNoTls) {
  EXPECT_EQ(Read({}), "");
  EXPECT_TRUE(options_.certificates.empty());
  EXPECT_EQ(options_.client_ca, "");
  EXPECT_EQ(options_.tls.min_version, TlsVersion::kTls12);
  EXPECT_EQ(options_.tls.ciphers, "");
}

TEST_F(CertificateOptionsTest, KeyIsInTheSameFileOrInItsOwn) {
  EXPECT_EQ(Read({"--tls-cert", "/a", "--tls-cert", "/b"}), "");
  ASSERT_EQ(options_.certificates.size(), 2u);
  EXPECT_EQ(options_.certificates[0].chain_file, "/a");
  EXPECT_EQ(options_.certificates[0].key_file, "/a");
  EXPECT_EQ(options_.certificates[1].chain_file, "/b");
  EXPECT_EQ(options_.certificates[1].key_file, "/b");
  EXPECT_EQ(Read({"--tls-cert", "/a", "--tls-cert", "/b", "--tls-key", "/c",
                  "--tls-key", "/d"}),
            "");
  ASSERT_EQ(options_.certificates.size(), 2u);
  EXPECT_EQ(options_.certificates[0].key_file, "/c");
  EXPECT_EQ(options_.certificates[1].chain_file, "/b");
  EXPECT_EQ(options_.certificates[1].key_file, "/d");
  EXPECT_EQ(Read({"--tls-cert", "/a", "--tls-key", "/c", "--tls-key", "/d"}),
            "--tls-key: needs as many as --tls-cert, or none");
  EXPECT_EQ(Read({"--tls-key", "/c"}),
            "--tls-key: needs as many as --tls-cert, or none");
}

TEST_F(CertificateOptionsTest, ReadsVersionCiphersAndClientCa) {
  const struct {
    const char* text;
    TlsVersion version;
  } kVersions[] = {{"1.0", TlsVersion::kTls10},
                   {"1.1", TlsVersion::kTls11},
                   {"1.2", TlsVersion::kTls12},
                   {"1.3", TlsVersion::kTls13}};
  for (const auto& each : kVersions) {
    EXPECT_EQ(Read({"--tls-cert", "/a", "--tls-min", each.text}), "");
    EXPECT_EQ(options_.tls.min_version, each.version);
  }
  EXPECT_EQ(Read({"--tls-cert", "/a", "--tls-min", "2"}),
            "--tls-min: 1.0 or 1.1 or 1.2 or 1.3, not \"2\"");
  EXPECT_EQ(Read({"--tls-cert", "/a", "--tls-ciphers", "HIGH:!kRSA",
                  "--client-ca", "/ca"}),
            "");
  EXPECT_EQ(options_.tls.ciphers, "HIGH:!kRSA");
  EXPECT_EQ(options_.client_ca, "/ca");
}

TEST_F(CertificateOptionsTest, OptionsAboutTlsNeedACertificate) {
  EXPECT_EQ(Read({"--tls-min", "1.3"}), "--tls-min: needs --tls-cert");
  EXPECT_EQ(Read({"--tls-ciphers", "HIGH"}), "--tls-ciphers: needs --tls-cert");
  EXPECT_EQ(Read({"--client-ca", "/ca"}), "--client-ca: needs --tls-cert");
}

}  // namespace
}  // namespace postern::service
