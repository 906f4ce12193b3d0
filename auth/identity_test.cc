// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/identity.h"

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

TEST(IdentityTest, IsUtf8WithoutControlCharacters) {
  for (const absl::string_view text : {"u", "ann@x.example", "\xc3\xbc", " "}) {
    EXPECT_TRUE(IsIdentity(text)) << text;
  }
  for (const absl::string_view text :
       {"", "a\nb", "a\x7f", "\x01", "\xff", "a\xc2\x85"}) {
    EXPECT_FALSE(IsIdentity(text)) << text;
  }
  EXPECT_FALSE(IsIdentity(absl::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace postern::auth
