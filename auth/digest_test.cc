// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/digest.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

TEST(DigestTest, Sha256MatchesFips180) {
  EXPECT_EQ(absl::BytesToHexString(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(absl::BytesToHexString(Sha256({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(DigestTest, HmacMatchesRfc4231) {
  EXPECT_EQ(absl::BytesToHexString(
                HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // An empty key is valid.
  EXPECT_EQ(absl::BytesToHexString(HmacSha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(DigestTest, Pbkdf2MatchesRfc7914) {
  EXPECT_EQ(absl::BytesToHexString(Pbkdf2Sha256("passwd", "salt", 1)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
}

TEST(DigestTest, ComparesBytes) {
  EXPECT_TRUE(SameBytes("", {}));
  EXPECT_TRUE(SameBytes("abc", "abc"));
  EXPECT_FALSE(SameBytes("abc", "abd"));
  EXPECT_FALSE(SameBytes("abc", "ab"));
  EXPECT_FALSE(SameBytes("", "a"));
}

TEST(DigestTest, RandomBytesDifferEachTime) {
  EXPECT_EQ(RandomBytes(18).size(), 18u);
  EXPECT_NE(RandomBytes(18), RandomBytes(18));
}

}  // namespace
}  // namespace postern::auth
