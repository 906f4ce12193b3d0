// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/ip_address.h"

#include <string>

#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(IpAddressTest, KnowsIpv4) {
  for (absl::string_view text :
       {"192.0.2.1", "0.0.0.0", "255.255.255.255", "127.000.000.001"}) {
    EXPECT_TRUE(IsIpv4(text)) << std::string(text);
    EXPECT_FALSE(IsIpv6(text)) << std::string(text);
  }
  for (absl::string_view text :
       {"", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", ".1.2.3", "1..2.3",
        "256.2.3.4", "1.2.3.256", "1.2.3.0004", "1.2.3.4 ", " 1.2.3.4",
        "+1.2.3.4", "1.2.3.x", "0x1.2.3.4", "[1.2.3.4]"}) {
    EXPECT_FALSE(IsIpv4(text)) << std::string(text);
  }
}

TEST(IpAddressTest, KnowsIpv6) {
  for (absl::string_view text :
       {"::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "FE80::aBcD",
        "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "::ffff:192.0.2.1",
        "1:2:3:4:5:6:192.0.2.1", "0000:0000::0000"}) {
    EXPECT_TRUE(IsIpv6(text)) << std::string(text);
    EXPECT_FALSE(IsIpv4(text)) << std::string(text);
  }
  for (absl::string_view text :
       {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
        "1:2:3:4::5:6:7:8", "12345::", "g::", "::1%eth0", "1:", ":1",
        "::192.0.2.256", "::192.0.2.1:1", "1:2:3:4:5:6:7:192.0.2.1", " ::1",
        "[::1]", "IPv6:::1"}) {
    EXPECT_FALSE(IsIpv6(text)) << std::string(text);
    EXPECT_FALSE(IsIpv6Literal(text)) << std::string(text);
  }
}

// RFC 5321 4.1.3: "::" is no shorter way to write one group.
TEST(IpAddressTest, KnowsIpv6Literals) {
  for (absl::string_view text :
       {"::", "::1", "1:2:3:4:5:6::", "1:2:3:4:5::8", "::3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8", "1:2:3:4::192.0.2.1", "1:2:3:4:5:6:192.0.2.1"}) {
    EXPECT_TRUE(IsIpv6Literal(text)) << std::string(text);
  }
  for (absl::string_view text : {"1:2:3:4:5:6:7::", "1:2:3:4:5:6::8",
                                 "::2:3:4:5:6:7:8", "1:2:3:4:5::192.0.2.1"}) {
    EXPECT_TRUE(IsIpv6(text)) << std::string(text);
    EXPECT_FALSE(IsIpv6Literal(text)) << std::string(text);
  }
}

}  // namespace
}  // namespace postern
