// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/network_list.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::net {
namespace {

std::optional<IpAddress> Ip(absl::string_view text) {
  return IpAddress::Parse(text);
}

NetworkList List(const std::vector<std::string>& entries) {
  const absl::StatusOr<NetworkList> list = NetworkList::Parse(entries);
  EXPECT_TRUE(list.ok()) << list.status();
  return list.value_or(NetworkList());
}

TEST(NetworkListTest, ContainsTheAddressesThatBeginWithItsBits) {
  const struct {
    absl::string_view network;
    absl::string_view address;
    bool holds;
  } cases[] = {
      {"192.0.2.0/24", "192.0.2.0", true},
      {"192.0.2.0/24", "192.0.2.255", true},
      {"192.0.2.0/24", "192.0.1.255", false},
      {"192.0.2.0/24", "192.0.3.0", false},
      {"192.0.2.0/24", "193.0.2.1", false},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.128/25", "192.0.2.128", true},
      {"192.0.2.2/31", "192.0.2.1", false},
      {"192.0.2.2/31", "192.0.2.3", true},
      {"192.0.2.2/31", "192.0.2.4", false},
      {"128.0.0.0/1", "127.255.255.255", false},
      {"128.0.0.0/1", "128.0.0.0", true},
      {"0.0.0.0/0", "255.255.255.255", true},
      {"0.0.0.0/0", "::ffff:192.0.2.1", true},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.10", false},  // not compared as text
      {"192.0.2.1/32", "192.0.2.1", true},
      {"192.0.2.1/32", "192.0.2.0", false},
      {"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
      {"2001:db8::/32", "2001:DB8::1", true},
      {"2001:db8::/32", "2001:db9::", false},
      {"2001:db8::/33", "2001:db8:8000::", false},
      {"2001:db8::1", "2001:db8:0:0:0:0:0:1", true},
      {"2001:db8::1", "2001:db8::2", false},
      {"2001:db8::1/128", "2001:db8::1", true},
      {"::1", "::1", true},
      // An IPv4-mapped address is the IPv4 address.
      {"192.0.2.0/24", "::ffff:192.0.2.9", true},
      {"192.0.2.0/24", "::ffff:c000:209", true},
      {"::ffff:192.0.2.0/120", "192.0.2.9", true},
      {"::ffff:192.0.2.0/120", "192.0.3.9", false},
      {"::ffff:192.0.2.9", "192.0.2.9", true},
      {"::ffff:0:0/96", "192.0.2.9", true},
      {"::ffff:0:0/96", "::1", false},
      // IPv6 networks contain no IPv4 address, and the reverse.
      {"::/0", "2001:db8::1", true},
      {"::/0", "192.0.2.1", false},
      {"::/0", "::ffff:192.0.2.1", false},
      {"::/80", "192.0.2.1", false},
      {"0.0.0.0/0", "::1", false},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"192.0.2.0/24", "::192.0.2.1", false},
      // No network contains text that is not an address.
      {"0.0.0.0/0", "", false},
      {"::/0", "", false},
      {"0.0.0.0/0", "127.evil", false},
      {"0.0.0.0/0", "192.0.2.1 ", false},
      {"::/0", "fe80::1%eth0", false},
      {"::/0", "unix:/run/x", false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.network, " ", c.address));
    EXPECT_EQ(List({std::string(c.network)}).Contains(Ip(c.address)), c.holds);
  }
}

TEST(NetworkListTest, AnAddressIsContainedIfOneEntryContainsIt) {
  const NetworkList list = List({"192.0.2.0/24", "2001:db8::/32", "127.0.0.1"});
  EXPECT_TRUE(list.Contains(Ip("192.0.2.77")));
  EXPECT_TRUE(list.Contains(Ip("2001:db8::77")));
  EXPECT_TRUE(list.Contains(Ip("127.0.0.1")));
  EXPECT_FALSE(list.Contains(Ip("127.0.0.2")));
  EXPECT_FALSE(list.empty());
  EXPECT_TRUE(List({}).empty());
  EXPECT_FALSE(NetworkList().Contains(Ip("127.0.0.1")));
}

TEST(NetworkListTest, AnErrorNamesTheEntry) {
  const struct {
    absl::string_view entry;
    absl::string_view why;
  } cases[] = {
      {"", "not an IP address"},
      {"/24", "not an IP address"},
      {"192.0.2", "not an IP address"},
      {"192.0.2.", "not an IP address"},
      {"192.0.2.0 /24", "not an IP address"},
      {" 192.0.2.0/24", "not an IP address"},
      {"192.0.2.0-9", "not an IP address"},
      {"192.0.2.010", "not an IP address"},
      {"fe80::1%eth0", "not an IP address"},
      {"mx.example", "not an IP address"},
      {"[::1]", "not an IP address"},
      {"192.0.2.0/", "the length is not a number from 0 to 32"},
      {"192.0.2.0/33", "the length is not a number from 0 to 32"},
      {"192.0.2.0/024", "the length is not a number from 0 to 32"},
      {"192.0.2.0/+24", "the length is not a number from 0 to 32"},
      {"192.0.2.0/24 ", "the length is not a number from 0 to 32"},
      {"192.0.2.0/24/24", "the length is not a number from 0 to 32"},
      {"192.0.2.0/255.255.255.0", "the length is not a number from 0 to 32"},
      {"192.0.2.0/4294967296", "the length is not a number from 0 to 32"},
      {"::/129", "the length is not a number from 0 to 128"},
      {"::/-1", "the length is not a number from 0 to 128"},
      {"192.0.2.1/24", "the address has bits set after the length"},
      {"192.0.2.1/0", "the address has bits set after the length"},
      {"192.0.2.1/31", "the address has bits set after the length"},
      {"2001:db8::1/127", "the address has bits set after the length"},
      // The length counts as in IPv6: the bits of ffff follow the first 24.
      {"::ffff:192.0.2.0/24", "the address has bits set after the length"},
  };
  for (const auto& c : cases) {
    const absl::Status status =
        NetworkList::Parse({"127.0.0.1", std::string(c.entry)}).status();
    EXPECT_EQ(status, absl::InvalidArgumentError(
                          absl::StrCat("network '", c.entry, "': ", c.why)));
  }
}

}  // namespace
}  // namespace postern::net
