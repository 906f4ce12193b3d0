// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/address_set.h"

#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::net {
namespace {

IpAddress Ip(absl::string_view text) {
  const auto address = IpAddress::Parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress({}));
}

AddressSet Set(const std::vector<std::string>& texts) {
  AddressSet set;
  for (const std::string& text : texts) {
    const auto part = AddressSet::Parse(text);
    EXPECT_TRUE(part.ok()) << part.status();
    if (part.ok()) set = set.Union(*part);
  }
  return set;
}

std::string Text(const AddressSet& set) {
  return absl::StrJoin(set.Texts(), " ");
}

TEST(AddressSetTest, MergesAndWritesNetworksAndRanges) {
  const struct {
    std::vector<std::string> parts;
    absl::string_view text;
  } cases[] = {
      {{}, ""},
      {{"192.0.2.7"}, "192.0.2.7"},
      {{"192.0.2.0/25", "192.0.2.128/25"}, "192.0.2.0/24"},
      {{"192.0.2.1", "192.0.2.0"}, "192.0.2.0/31"},
      {{"192.0.2.1-192.0.2.4"}, "192.0.2.1 192.0.2.2/31 192.0.2.4"},
      {{"192.0.2.1-192.0.2.254"}, "192.0.2.1-192.0.2.254"},
      {{"10.0.0.0/8", "10.1.0.0/16"}, "10.0.0.0/8"},
      {{"0.0.0.0/0"}, "0.0.0.0/0"},
      {{"255.255.255.255", "::1"}, "255.255.255.255 ::1"},
      {{"::ffff:192.0.2.0/120"}, "192.0.2.0/24"},
      {{"2001:db8::/33", "2001:db8:8000::/33"}, "2001:db8::/32"},
      {{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"},
       ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      // IPv4 addresses are not between IPv6 addresses.
      {{"::/0"}, "::/0"},
      {{"::fffe:0:0/96", "::1:0:0:0/80"}, "::fffe:0:0/95 ::1:0:0:0/80"},
      {{"::fffe:ffff:ffff"}, "::fffe:ffff:ffff"},
      {{"::fffe:0:0/95"}, "::fffe:0:0/96"},
      {{"0.0.0.0/0", "::/0"}, "0.0.0.0/0 ::/0"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(Text(Set(each.parts)), each.text);
  }
  EXPECT_EQ(Set({"0.0.0.0/0", "::/0"}), AddressSet::All());
}

TEST(AddressSetTest, Ipv6NetworksContainNoIpv4Address) {
  EXPECT_FALSE(Set({"::/0"}).Contains(Ip("192.0.2.1")));
  EXPECT_TRUE(Set({"::/0"}).Contains(Ip("::1:0:0:0")));
  EXPECT_TRUE(AddressSet::All().Contains(Ip("::ffff:192.0.2.1")));
  EXPECT_EQ(AddressSet::All().Minus(Set({"0.0.0.0/0"})), Set({"::/0"}));
  EXPECT_EQ(AddressSet::All().Minus(Set({"::/0"})), Set({"0.0.0.0/0"}));
  // What is left ends before the IPv4 addresses, not after them.
  EXPECT_EQ(
      Set({"::/0"}).Minus(
          Set({"::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"})),
      Set({"::-::fffe:ffff:ffff"}));
}

TEST(AddressSetTest, RefusesWhatIsNoRange) {
  for (const absl::string_view text :
       {"", "-", "192.0.2.1-", "192.0.2.1-::1", "192.0.2.9-192.0.2.1",
        "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/24-192.0.3.0/24", "a-b"}) {
    EXPECT_EQ(AddressSet::Parse(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

// Compares sets with arrays of bits: around the ends of both families, where a
// carry could be lost, and around the IPv4 addresses between the IPv6 ones.
TEST(AddressSetTest, AgreesWithEnumeration) {
  std::vector<IpAddress> universe;
  for (const absl::string_view base :
       {"0.0.0.0", "255.255.255.248", "::", "::fffe:ffff:fff8", "::1:0:0:0",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff8"}) {
    IpAddress::Bytes bytes = Ip(base).bytes();
    for (int i = 0; i < 8; ++i) {
      universe.emplace_back(bytes);
      ++bytes[15];
    }
  }
  std::mt19937 random(14);  // NOLINT: the same sets in each run
  const auto choose = [&](size_t below) { return random() % below; };
  const auto make = [&](std::vector<bool>* bits) {
    std::vector<AddressRange> ranges;
    for (size_t n = choose(6); n > 0; --n) {
      // Both ends are in the same 8 addresses, and so in the same family.
      const size_t base = 8 * choose(universe.size() / 8);
      size_t first = base + choose(8);
      size_t last = base + choose(8);
      if (first > last) std::swap(first, last);
      ranges.push_back({universe[first], universe[last]});
      for (size_t i = first; i <= last; ++i) (*bits)[i] = true;
    }
    return AddressSet(ranges);
  };
  for (int round = 0; round < 5000; ++round) {
    std::vector<bool> left_bits(universe.size());
    std::vector<bool> right_bits(universe.size());
    const AddressSet left = make(&left_bits);
    const AddressSet right = make(&right_bits);
    const AddressSet both = left.Union(right);
    const AddressSet minus = left.Minus(right);
    const AddressSet common = left.Intersection(right);
    for (size_t i = 0; i < universe.size(); ++i) {
      const bool l = left_bits[i];
      const bool r = right_bits[i];
      ASSERT_EQ(both.Contains(universe[i]), l || r) << Text(left);
      ASSERT_EQ(minus.Contains(universe[i]), l && !r)
          << Text(left) << " minus " << Text(right);
      ASSERT_EQ(common.Contains(universe[i]), l && r) << Text(left);
    }
    ASSERT_EQ(Set(left.Texts()), left) << Text(left);
    ASSERT_EQ(AddressSet(left.Ranges()), left) << Text(left);
    ASSERT_EQ(minus.Union(common), left) << Text(left);
  }
}

}  // namespace
}  // namespace postern::net
