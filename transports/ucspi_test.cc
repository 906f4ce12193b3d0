// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/ucspi.h"

#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>

#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::transports {
namespace {

SessionInfo Read(const std::map<std::string, std::string>& variables) {
  return ReadUcspi([&](const char* name) -> const char* {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  });
}

TEST(UcspiTest, ReadsTheVariablesOfTcpserver) {
  const SessionInfo info = Read({{"PROTO", "TCP"},
                                 {"TCPREMOTEIP", "192.0.2.1"},
                                 {"TCPREMOTEPORT", "4711"},
                                 {"TCPREMOTEHOST", "client.example"},
                                 {"TCPREMOTEINFO", "joe"},
                                 {"TCPLOCALIP", "192.0.2.2"},
                                 {"TCPLOCALPORT", "25"},
                                 {"TCPLOCALHOST", "mx.example"}});
  EXPECT_EQ(ToString(info.remote_address), "192.0.2.1");
  EXPECT_EQ(info.remote_port, 4711);
  EXPECT_EQ(info.remote_name, "client.example");
  EXPECT_EQ(info.name_status, NameStatus::kUnchecked);
  EXPECT_EQ(info.remote_info, "joe");
  EXPECT_EQ(ToString(info.local_address), "192.0.2.2");
  EXPECT_EQ(info.local_port, 25);
  EXPECT_EQ(info.local_name, "mx.example");
  EXPECT_FALSE(info.relay_client.has_value());
}

TEST(UcspiTest, WorksWithoutVariables) {
  const SessionInfo info = Read({});
  EXPECT_EQ(ToString(info.remote_address), "");
  EXPECT_EQ(info.remote_port, 0);
  EXPECT_EQ(info.name_status, NameStatus::kNone);
  EXPECT_FALSE(info.remote_info.has_value());
}

TEST(UcspiTest, AnEmptyRelayClientIsAPermissionAndAMissingOneIsNot) {
  EXPECT_EQ(Read({{"RELAYCLIENT", ""}}).relay_client, "");
  EXPECT_EQ(Read({{"RELAYCLIENT", "@fixme"}}).relay_client, "@fixme");
  EXPECT_EQ(Read({{"XRELAYCLIENT", ""}}).relay_client, std::nullopt);
}

TEST(UcspiTest, ReadsTheVariablesOfOtherProtocols) {
  EXPECT_EQ(ToString(Read({{"PROTO", "SSL"}, {"SSLREMOTEIP", "192.0.2.7"}})
                         .remote_address),
            "192.0.2.7");
  EXPECT_EQ(Read({{"SSLREMOTEIP", "192.0.2.7"}}).remote_address, std::nullopt);
}

TEST(UcspiTest, ReadsOnlyIpAddresses) {
  const struct {
    const char* value;
    const char* address;
  } cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"fe80::1%eth0", "fe80::1"},
      {"unknown", ""},
      {"127.evil", ""},
      {"10.0.0.1 ", ""},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ToString(Read({{"TCPREMOTEIP", c.value}}).remote_address),
              c.address)
        << c.value;
  }
}

TEST(UcspiTest, IgnoresInvalidPorts) {
  for (const char* port : {"", "x", "65536", "-1", "99999999999"}) {
    EXPECT_EQ(Read({{"TCPREMOTEPORT", port}}).remote_port, 0) << port;
  }
}

TEST(UcspiTest, AUnixSocketAddsNoAddresses) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  SessionInfo info;
  info.remote_address = IpAddress::Parse("192.0.2.1");
  ReadSocketAddresses(pair[0], &info);  // not an Internet socket: no change
  EXPECT_EQ(ToString(info.remote_address), "192.0.2.1");
  EXPECT_EQ(ToString(info.local_address), "");
  close(pair[0]);
  close(pair[1]);
}

}  // namespace
}  // namespace postern::transports
