// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/socket_address.h"

#include "gtest/gtest.h"

namespace postern::net {
namespace {

TEST(SocketAddressTest, AMappedAddressIsTheIpv4AddressThatItIs) {
  EXPECT_EQ(NormalizeAddress("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(NormalizeAddress("::FFFF:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(NormalizeAddress("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(NormalizeAddress("::ffff:1"), "::ffff:1");
  EXPECT_EQ(NormalizeAddress(""), "");
}

}  // namespace
}  // namespace postern::net
