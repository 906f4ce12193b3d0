// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/parameters.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(ParametersTest, ReadsMailParameters) {
  struct Case {
    absl::string_view text;
    MailParameters want;
  };
  const Case cases[] = {
      {"", {}},
      {"  ", {}},
      {" SIZE=0", {.size = 0}},
      {" size=1000 body=8bitmime", {.size = 1000, .body = BodyType::k8BitMime}},
      {" BODY=7BIT", {.body = BodyType::k7Bit}},
      {" SIZE=18446744073709551615",
       {.size = std::numeric_limits<uint64_t>::max()}},
      {" SIZE=18446744073709551616",  // 2^64 and more: as large as can be
       {.size = std::numeric_limits<uint64_t>::max()}},
      {" SIZE=99999999999999999999",
       {.size = std::numeric_limits<uint64_t>::max()}},
  };
  for (const Case& c : cases) {
    const auto parsed = ParseMailParameters(c.text);
    const auto* parameters = std::get_if<MailParameters>(&parsed);
    ASSERT_NE(parameters, nullptr) << std::string(c.text);
    EXPECT_EQ(*parameters, c.want) << std::string(c.text);
  }
}

TEST(ParametersTest, TellsWhatIsWrongWithMailParameters) {
  struct Case {
    absl::string_view text;
    int code;
  };
  const Case cases[] = {
      {" SIZE", 501},
      {" SIZE=", 501},
      {" SIZE=x", 501},
      {" SIZE=-1", 501},
      {" SIZE=1x", 501},
      {" SIZE=1=2", 501},
      {" SIZE=1 SIZE=1", 501},
      {" SIZE=123456789012345678901", 501},
      {" BODY", 501},
      {" BODY=BINARYMIME", 501},
      {" BODY=7BIT BODY=7BIT", 501},
      {"SIZE=1", 501},
      {" =1", 501},
      {" X_Y=1", 501},
      {" RET=FULL", 555},
      {" AUTH=<>", 555},
      {" SMTPUTF8", 555},
  };
  for (const Case& c : cases) {
    const auto parsed = ParseMailParameters(c.text);
    const auto* reply = std::get_if<Reply>(&parsed);
    ASSERT_NE(reply, nullptr) << std::string(c.text);
    EXPECT_EQ(reply->code, c.code) << std::string(c.text);
    EXPECT_EQ(reply->enhanced, (EnhancedCode{5, 5, 4}));
  }
}

TEST(ParametersTest, KnowsNoRcptParameters) {
  EXPECT_FALSE(CheckRcptParameters("").has_value());
  EXPECT_FALSE(CheckRcptParameters("  ").has_value());
  EXPECT_EQ(CheckRcptParameters(" NOTIFY=NEVER")->code, 555);
  EXPECT_EQ(CheckRcptParameters("x")->code, 501);
  EXPECT_EQ(CheckRcptParameters(" a=b=c")->code, 501);
}

}  // namespace
}  // namespace postern
