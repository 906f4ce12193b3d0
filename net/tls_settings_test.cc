// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/tls_settings.h"

#include "gtest/gtest.h"

namespace postern::net {
namespace {

TEST(TlsSettingsTest, ReadsVersions) {
  EXPECT_EQ(ParseTlsVersion("1.0"), TlsVersion::kTls10);
  EXPECT_EQ(ParseTlsVersion("1.1"), TlsVersion::kTls11);
  EXPECT_EQ(ParseTlsVersion("1.2"), TlsVersion::kTls12);
  EXPECT_EQ(ParseTlsVersion("1.3"), TlsVersion::kTls13);
  for (const char* text : {"", "1", "1.4", "1.20", "TLSv1.2", " 1.2", "3.0"}) {
    EXPECT_EQ(ParseTlsVersion(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace postern::net
