// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/ip_address.h"

#include <string>

#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(IpAddressTest, IsWhatTheTextSaysHoweverItIsWritten) {
  const struct {
    absl::string_view text;
    std::array<uint8_t, 16> bytes;
    bool v4 = false;
  } cases[] = {
      {"::", {}},
      {"::1", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
      {"2001:db8::1", {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
      {"2001:0DB8:0:0::0:1",
       {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
      {"192.0.2.1",
       {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
       true},
      {"::ffff:192.0.2.1",
       {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
       true},
      {"0:0:0:0:0:FFFF:c000:201",
       {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
       true},
      {"0.0.0.0", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, true},
      {"255.255.255.255",
       {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255},
       true},
      // IPv4-compatible (RFC 4291 2.5.5.1), and almost mapped.
      {"::192.0.2.1", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1}},
      {"::ffff:0:192.0.2.1",
       {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 192, 0, 2, 1}},
      {"1::ffff:192.0.2.1",
       {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    const std::optional<IpAddress> address = IpAddress::Parse(c.text);
    ASSERT_TRUE(address.has_value());
    EXPECT_EQ(address->bytes(), c.bytes);
    EXPECT_EQ(address->v4(), c.v4);
  }
}

TEST(IpAddressTest, NothingElseIsAnAddress) {
  for (absl::string_view text : {absl::string_view(""),
                                 absl::string_view("127.evil"),
                                 absl::string_view("127."),
                                 absl::string_view("127.1"),
                                 absl::string_view("2130706433"),
                                 absl::string_view("0x7f000001"),
                                 absl::string_view("127.0.0.01"),
                                 absl::string_view("127.0.0.256"),
                                 absl::string_view("127.0.0.1 "),
                                 absl::string_view(" 127.0.0.1"),
                                 absl::string_view("127.0.0.1\0", 10),
                                 absl::string_view("::1\0", 4),
                                 absl::string_view("127.0.0.1\0.evil", 15),
                                 absl::string_view("127.0.0.1/32"),
                                 absl::string_view("[127.0.0.1]"),
                                 absl::string_view("[::1]"),
                                 absl::string_view("IPv6:::1"),
                                 absl::string_view("fe80::1%lo"),
                                 absl::string_view("fe80::1%1"),
                                 absl::string_view("::1%"),
                                 absl::string_view("::12345"),
                                 absl::string_view("1:2:3:4:5:6:7"),
                                 absl::string_view(":"),
                                 absl::string_view("localhost")}) {
    EXPECT_EQ(IpAddress::Parse(text), std::nullopt) << std::string(text);
  }
}

}  // namespace
}  // namespace postern::policy
