// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rule_network.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/session_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/rules/tcp_rule_key.h"

namespace postern::policy {
namespace {

using ::testing::ElementsAre;

absl::StatusOr<TcpRuleNetwork> Make(absl::string_view network) {
  const auto parsed = net::Network::Parse(network);
  if (!parsed.ok()) return parsed.status();
  return MakeTcpRuleNetwork(*parsed);
}

TEST(TcpRuleNetworkTest, NetworkBecomesPrefixesAndAddresses) {
  const struct {
    absl::string_view network;
    size_t size;
    absl::string_view first;
    absl::string_view last;
    unsigned widened_bits;
  } cases[] = {
      {"0.0.0.0/0", 256, "0.", "255.", 8},
      {"128.0.0.0/1", 128, "128.", "255.", 7},
      {"10.0.0.0/8", 1, "10.", "10.", 0},
      {"172.16.0.0/12", 16, "172.16.", "172.31.", 4},
      {"192.168.0.0/16", 1, "192.168.", "192.168.", 0},
      {"10.9.128.0/17", 128, "10.9.128.", "10.9.255.", 7},
      {"192.0.2.0/24", 1, "192.0.2.", "192.0.2.", 0},
      {"192.0.2.128/25", 128, "192.0.2.128", "192.0.2.255", 7},
      {"192.0.2.7/32", 1, "192.0.2.7", "192.0.2.7", 0},
      {"192.0.2.7", 1, "192.0.2.7", "192.0.2.7", 0},
      {"::ffff:10.0.0.0/104", 1, "10.", "10.", 0},
      {"::/0", 65537, "::", "ffff:", 16},
      {"2000::/3", 8192, "2000:", "3fff:", 13},
      {"2001:db8::/32", 1, "2001:db8:", "2001:db8:", 0},
      {"2001:db8::/29", 8, "2001:db8:", "2001:dbf:", 3},
      // A zero group has two forms.
      {"::/16", 2, "::", "0:", 0},
      {"2001::/32", 2, "2001::", "2001:0:", 0},
      {"2001:db8::/47", 3, "2001:db8::", "2001:db8:1:", 1},
      {"2001:db8:1:ab00::/56", 256, "2001:db8:1:ab00:", "2001:db8:1:abff:", 8},
      {"2001:db8:1:1:1:1:1:0/112", 1,
       "2001:db8:1:1:1:1:1:", "2001:db8:1:1:1:1:1:", 0},
      // Whole addresses have one form.
      {"2001:db8:1:1:1:1:1:0/127", 2,
       "2001:db8:1:1:1:1:1::", "2001:db8:1:1:1:1:1:1", 1},
      {"2001:db8::8/126", 4, "2001:db8::8", "2001:db8::b", 2},
      {"2001:db8:1:0:1:1:1:1/128", 1, "2001:db8:1::1:1:1:1",
       "2001:db8:1::1:1:1:1", 0},
      {"::1", 1, "::1", "::1", 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.network));
    const auto made = Make(c.network);
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_EQ(made->keys.size(), c.size);
    EXPECT_EQ(made->keys.front(), c.first);
    EXPECT_EQ(made->keys.back(), c.last);
    EXPECT_EQ(made->widened_bits, c.widened_bits);
  }
}

TEST(TcpRuleNetworkTest, NetworkThatPrefixesCannotExpressIsAnError) {
  for (absl::string_view network :
       {"2001:db8::/64", "2001:0:1::/48", "::1:0:0/96", "64:ff9b::/96",
        "2001:db8:0:100::/56", "::/17", "2001:db8:0:1:1:1:1:0/112",
        "2001:db8::/128", "2001:db8::/126", "2001:db8:1:1:1:1::/120", "::"}) {
    EXPECT_EQ(Make(network).status().code(), absl::StatusCode::kInvalidArgument)
        << std::string(network);
  }
}

// Near a network, zero groups are what matters.
TEST(TcpRuleNetworkTest, ExactlyTheClientsInTheNetworkHaveOneKey) {
  std::mt19937 random(20261130);
  const auto pick = [&](unsigned n) { return random() % n; };
  int inside = 0;
  int outside = 0;
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const bool v4 = pick(3) == 0;
    const auto any_bytes = [&] {
      IpAddress::Bytes bytes = {};
      for (size_t i = 0; i < bytes.size(); ++i) {
        // Groups are often 0 or 1.
        const unsigned kind = pick(4);
        if (v4) {
          bytes[i] = static_cast<uint8_t>(pick(3) == 0 ? pick(256) : pick(2));
        } else if (kind == 0) {
          bytes[i] = static_cast<uint8_t>(pick(256));
        } else if (kind == 1 && i % 2 == 1) {
          bytes[i] = 1;
        }
      }
      if (v4) {
        std::fill(bytes.begin(), bytes.begin() + 10, 0);
        bytes[10] = bytes[11] = 0xff;
      }
      return bytes;
    };
    IpAddress::Bytes bytes = any_bytes();
    const unsigned bits = v4 ? 96 + pick(33) : 24 + pick(105);
    // Others have thousands of keys, which takes long.
    if (!v4 && (128 - bits) % 16 > 8) continue;
    const auto clear_after = [](IpAddress::Bytes address, unsigned length) {
      for (unsigned i = length; i < 128; ++i) {
        address[i / 8] &= static_cast<uint8_t>(~(0x80U >> i % 8));
      }
      return address;
    };
    const net::Network network = {IpAddress(clear_after(bytes, bits)), bits};
    if (network.address.v4() != v4) continue;
    const auto made = MakeTcpRuleNetwork(network);
    if (!made.ok()) {
      ++refused;
      continue;
    }
    const std::set<std::string> keys(made->keys.begin(), made->keys.end());
    ASSERT_EQ(keys.size(), made->keys.size());
    for (int i = 0; i < 20; ++i) {
      // A client in the network, or one with a bit of the prefix changed, or
      // any.
      IpAddress::Bytes client = any_bytes();
      if (i % 4 != 0) {
        for (unsigned bit = 0; bit < bits; ++bit) {
          const uint8_t mask = static_cast<uint8_t>(0x80U >> bit % 8);
          client[bit / 8] = static_cast<uint8_t>((client[bit / 8] & ~mask) |
                                                 (bytes[bit / 8] & mask));
        }
      }
      const unsigned lowest = v4 ? 96 : 0;
      if (i % 4 == 2 && bits > lowest) {
        const unsigned bit = lowest + pick(bits - lowest);
        client[bit / 8] ^= static_cast<uint8_t>(0x80U >> bit % 8);
      }
      const SessionInfo peer{.remote_address = IpAddress(client)};
      const std::vector<std::string> own = TcpRuleKeys(peer);
      const auto found = std::count_if(
          own.begin(), own.end(),
          [&](const std::string& key) { return keys.contains(key); });
      const bool contains = network.Contains(*peer.remote_address);
      ++(contains ? inside : outside);
      ASSERT_EQ(found, contains ? 1 : 0)
          << network.address.ToString() << "/" << bits << " " << own.front();
    }
  }
  EXPECT_GT(inside, 4000);
  EXPECT_GT(outside, 4000);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace postern::policy
