// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/socket_address.h"

#include <sys/socket.h>

#include <optional>

#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::net {
namespace {

TEST(SocketAddressTest, ReadsTheAddressThatItMade) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "::", "2001:db8::1"}) {
    sockaddr_storage storage;
    const std::optional<IpAddress> address = IpAddress::Parse(text);
    const socklen_t size = MakeSocketAddress(*address, 2525, &storage);
    EXPECT_EQ(size, address->v4() ? 16u : 28u);
    std::optional<IpAddress> read;
    uint16_t port = 0;
    ReadSocketAddress(storage, &read, &port);
    EXPECT_EQ(read, address) << text;
    EXPECT_EQ(port, 2525);
  }
}

TEST(SocketAddressTest, AUnixSocketHasNoAddress) {
  sockaddr_storage storage = {};
  storage.ss_family = AF_UNIX;
  std::optional<IpAddress> address;
  uint16_t port = 0;
  ReadSocketAddress(storage, &address, &port);
  EXPECT_EQ(address, std::nullopt);
  EXPECT_EQ(port, 0);
}

}  // namespace
}  // namespace postern::net
