// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/own_addresses.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::net {
namespace {

TEST(OwnAddressesTest, ReadsIpv4Literals) {
  const struct {
    absl::string_view text;
    std::optional<IpAddress> address;
  } cases[] = {
      {"[127.0.0.1]", IpAddress::V4({127, 0, 0, 1})},
      {"[0.0.0.0]", IpAddress::V4({0, 0, 0, 0})},
      {"[255.255.255.255]", IpAddress::V4({255, 255, 255, 255})},
      {"[192.0.2.55]", IpAddress::V4({192, 0, 2, 55})},
      {"[127.0.0.01]", IpAddress::V4({127, 0, 0, 1})},
      {"[127.000.000.001]", IpAddress::V4({127, 0, 0, 1})},
      {"[383.0.0.257]", std::nullopt},  // qmail-smtpd behaviour 18: mod 256
      {"[127.0.0.256]", std::nullopt},
      {"[127.0.0.0001]", std::nullopt},
      {"127.0.0.1", std::nullopt},
      {"[127.0.0.1", std::nullopt},
      {"127.0.0.1]", std::nullopt},
      {"[127.0.0.1]x", std::nullopt},
      {"[[127.0.0.1]", std::nullopt},
      {"[127.0.0]", std::nullopt},
      {"[127.0.0.]", std::nullopt},
      {"[127.0.0.1.1]", std::nullopt},
      {"[ 127.0.0.1]", std::nullopt},
      {"[127.0.0.-1]", std::nullopt},
      {"[2130706433]", std::nullopt},
      {"[0x7f.0.0.1]", std::nullopt},
      {"[IPv6:::1]", std::nullopt},
      {"[IPv6:::ffff:127.0.0.1]", std::nullopt},
      {"[::ffff:127.0.0.1]", std::nullopt},
      {"[]", std::nullopt},
      {"[", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ParseIpv4Literal(c.text), c.address) << std::string(c.text);
  }
}

TEST(OwnAddressesTest, TheNullAddressIsOwnAndAForeignAddressIsNot) {
  const InterfaceAddresses addresses;
  const auto any = addresses.Contains(IpAddress::V4({0, 0, 0, 0}));
  ASSERT_TRUE(any.ok()) << any.status();
  EXPECT_TRUE(*any);
  EXPECT_FALSE(*addresses.Contains(
      IpAddress::V4({192, 0, 2, 55})));  // 192.0.2.55: TEST-NET-1
  EXPECT_FALSE(*addresses.Contains(IpAddress::V4({255, 255, 255, 255})));
}

TEST(OwnAddressesTest, LoopbackIsOwnIfTheInterfaceIsUp) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);
  struct sockaddr_in loopback = {};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int bound =
      bind(fd, reinterpret_cast<struct sockaddr*>(&loopback), sizeof(loopback));
  close(fd);
  if (bound != 0) GTEST_SKIP() << "no loopback interface";
  const InterfaceAddresses addresses;
  EXPECT_TRUE(*addresses.Contains(IpAddress::V4({127, 0, 0, 1})));
  EXPECT_FALSE(*addresses.Contains(
      IpAddress::V4({1, 0, 0, 127})));  // the octets in reverse order
}

TEST(OwnAddressesTest, ThreadsMayShareAnObject) {
  const InterfaceAddresses addresses;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      EXPECT_TRUE(*addresses.Contains(IpAddress::V4({0, 0, 0, 0})));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace postern::net
