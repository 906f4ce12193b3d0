// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/ip_address.h"

#include <arpa/inet.h>

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

TEST(IpAddressTest, EqualAddressesHaveEqualBytes) {
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
      // IPv4-compatible (RFC 4291 2.5.5.1), and almost IPv4-mapped.
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

TEST(IpAddressTest, RefusesOtherText) {
  for (absl::string_view text : {absl::string_view(""),
                                 absl::string_view("127.evil"),
                                 absl::string_view("127."),
                                 absl::string_view("127.1"),
                                 absl::string_view("2130706433"),
                                 absl::string_view("0x7f000001"),
                                 absl::string_view("127.0.0.01"),
                                 absl::string_view("127.0.0.00"),
                                 absl::string_view("::127.0.0.01"),
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

// inet_pton(3) is the reference for the text that both accept.
TEST(IpAddressTest, MatchesTheCLibrary) {
  std::mt19937 random(1);
  const absl::string_view pieces[] = {
      "0", "1", "db8", "ffff", ":", "::", ".", "25", "255", "256", "00ff"};
  int addresses = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string text;
    for (size_t i = 1 + random() % 16; i > 0; --i) {
      absl::StrAppend(&text, pieces[random() % std::size(pieces)]);
    }
    IpAddress::Bytes v6;
    std::array<uint8_t, 4> v4;
    std::optional<IpAddress> want;
    if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) {
      want = IpAddress(v6);
    } else if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) {
      want = IpAddress::V4(v4);
    }
    ASSERT_EQ(IpAddress::Parse(text), want) << text;
    addresses += want.has_value();
  }
  EXPECT_GT(addresses, 1000);
}

TEST(IpAddressTest, FormatsAsInRfc5952) {
  const struct {
    absl::string_view text;
    absl::string_view want;
    absl::string_view shortest_run_of_one = "";  // if different
  } cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"::ffff:c000:201", "192.0.2.1"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},  // the first of equal runs
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},        // the longest run
      {"1:2:3:4:5:6:0:8", "1:2:3:4:5:6:0:8", "1:2:3:4:5:6::8"},
      {"0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", "::2:3:4:5:6:7:8"},
      {"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7::"},
      {"::192.0.2.1", "::c000:201"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    const std::optional<IpAddress> address = IpAddress::Parse(c.text);
    ASSERT_TRUE(address);
    EXPECT_EQ(address->ToString(), c.want);
    EXPECT_EQ(address->ToString(1),
              c.shortest_run_of_one.empty() ? c.want : c.shortest_run_of_one);
    EXPECT_EQ(IpAddress::Parse(address->ToString()), address);
  }
  EXPECT_EQ(ToString(std::nullopt), "");
}

// RFC 5321 4.1.3.
TEST(IpAddressTest, ParsesAddressLiterals) {
  const struct {
    absl::string_view literal;
    absl::string_view address;
  } cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"127.000.000.001", "127.0.0.1"},
      {"IPv6:::1", "::1"},
      {"ipv6:2001:DB8::1", "2001:db8::1"},
      {"IPv6:1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
      {"IPv6:1:2:3:4:5:6::", "1:2:3:4:5:6::"},
      {"IPv6:1:2:3:4:5::8", "1:2:3:4:5::8"},
      {"IPv6:::3:4:5:6:7:8", "::3:4:5:6:7:8"},
      {"IPv6:1:2:3:4::192.0.2.1", "1:2:3:4::192.0.2.1"},
      {"IPv6:1:2:3:4:5:6:192.000.2.1", "1:2:3:4:5:6:192.0.2.1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.literal));
    const std::optional<IpAddress> address = IpAddress::Parse(c.address);
    ASSERT_TRUE(address);
    EXPECT_EQ(IpAddress::ParseLiteral(c.literal), address);
  }
  for (absl::string_view text :
       {"", "IPv6:", "::1", "IPv6:192.0.2.1", "IPv4:192.0.2.1", "1.2.3.0004",
        "1.2.3.256", "1.2.3", "[192.0.2.1]", "IPv6:::1%eth0",
        // "::" must replace at least two groups.
        "IPv6:1:2:3:4:5:6:7::", "IPv6:1:2:3:4:5:6::8", "IPv6:::2:3:4:5:6:7:8",
        "IPv6:1:2:3:4:5::192.0.2.1"}) {
    EXPECT_EQ(IpAddress::ParseLiteral(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace postern
