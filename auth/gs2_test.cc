// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/gs2.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// Returns "HEADER|IDENTITY|REST", or "none|REST".
std::string Take(absl::string_view message) {
  const std::optional<Gs2Header> header = TakeGs2Header(&message);
  if (!header) return absl::StrCat("none|", message);
  return absl::StrCat(header->text, "|", header->authorization_identity, "|",
                      message);
}

TEST(Gs2Test, TakesTheHeader) {
  EXPECT_EQ(Take("n,,n=user,r=x"), "n,,||n=user,r=x");
  EXPECT_EQ(Take("y,,"), "y,,||");
  EXPECT_EQ(Take("n,a=user,rest"), "n,a=user,|user|rest");
  EXPECT_EQ(Take("y,a=a=2Cb=3Dc,,"), "y,a=a=2Cb=3Dc,|a,b=c|,");
  EXPECT_EQ(Take("n,a=\xc3\xbc,"), "n,a=\xc3\xbc,|\xc3\xbc|");
}

TEST(Gs2Test, LeavesAMessageWithoutAValidHeader) {
  for (const absl::string_view message :
       {"", "n", "n,", "n,a=user", "N,,", "p=tls-unique,,", ",,", "n,user,",
        "n,a=,", "n,a=x=,", "n,a==2c,", "n,a=\xff,", "x,,", " n,,"}) {
    EXPECT_EQ(Take(message), absl::StrCat("none|", message));
  }
  const absl::string_view with_nul("n,a=a\0b,", 8);
  EXPECT_EQ(Take(with_nul), absl::StrCat("none|", with_nul));
}

TEST(Gs2Test, DecodesASaslName) {
  EXPECT_EQ(DecodeSaslName("user"), "user");
  EXPECT_EQ(DecodeSaslName("=2C=3D=2C"), ",=,");
  EXPECT_EQ(DecodeSaslName("=3D2C"), "=2C");
  EXPECT_EQ(DecodeSaslName("a\x01"), "a\x01");  // RFC 5801 allows it
  for (const absl::string_view text : {"", "=", "=2", "=2c", "=41", "\xc3"}) {
    EXPECT_EQ(DecodeSaslName(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace postern::auth
