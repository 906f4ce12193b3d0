// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/mechanism.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(MechanismTest, NamesAreAsInRfc4422) {
  for (const char* name :
       {"X", "PLAIN", "SCRAM-SHA-256", "9P_A-Z", "ABCDEFGHIJKLMNOPQRST"}) {
    EXPECT_TRUE(IsMechanism(name)) << name;
  }
  for (const char* name : {"", "plain", "PLAIN ", " PLAIN", "A.B", "A=", "A\n",
                           "\xc3\x84", "ABCDEFGHIJKLMNOPQRSTU"}) {
    EXPECT_FALSE(IsMechanism(name)) << name;
  }
  EXPECT_FALSE(IsMechanism(std::string("A\0", 2)));
}

}  // namespace
}  // namespace postern
