// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/listening_socket.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"

namespace postern::transports {
namespace {

TEST(ListeningSocketTest, ReadsAddressesAndPrintsThemAgain) {
  const struct {
    const char* text;
    ListenAddress address;
  } cases[] = {
      {"127.0.0.1:25", {"127.0.0.1", 25, ""}},
      {"0.0.0.0:65535", {"0.0.0.0", 65535, ""}},
      {"[::1]:0", {"::1", 0, ""}},
      {"[2001:db8::1]:587", {"2001:db8::1", 587, ""}},
      {"*:2525", {"", 2525, ""}},
      {"unix:/run/x.sock", {"", 0, "/run/x.sock"}},
  };
  for (const auto& [text, address] : cases) {
    const auto parsed = ListenAddress::Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, address) << text;
    EXPECT_EQ(parsed->Format(), text);
  }
}

TEST(ListeningSocketTest, RefusesWhatIsNone) {
  for (const std::string text : {"",
                                 "25",
                                 ":25",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:+25",
                                 "127.0.0.1: 25",
                                 "127.0.0.1:000025",
                                 "localhost:25",
                                 "::1:25",
                                 "[::1]",
                                 "[::1:25",
                                 "::1]:25",
                                 "[127.0.0.1]:25",
                                 "[]:25",
                                 "[*]:25",
                                 "127.0.0.256:25",
                                 "[fe80::1%lo]:25",
                                 "unix:",
                                 "unix:x"}) {
    const auto parsed = ListenAddress::Parse(text);
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_NE(parsed.status().message().find(text), std::string::npos);
  }
  EXPECT_FALSE(ListenAddress::Parse("unix:/" + std::string(200, 'x')).ok());
}

TEST(ListeningSocketTest, AFreePortIsOneThatOthersMayShare) {
  const auto first = Listen({"127.0.0.1", 0, ""}, /*share=*/true);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto bound = BoundAddress(*first);
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(bound->host, "127.0.0.1");
  EXPECT_NE(bound->port, 0);
  const auto second = Listen(*bound, /*share=*/true);
  EXPECT_TRUE(second.ok()) << second.status();
  const auto third = Listen(*bound, /*share=*/false);
  EXPECT_FALSE(third.ok());
  EXPECT_NE(third.status().message().find(bound->Format()), std::string::npos);
  close(*first);
  if (second.ok()) close(*second);
}

TEST(ListeningSocketTest, AStaleUnixSocketIsInNobodysWay) {
  char folder[] = "/tmp/listening_socket_test.XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/s";
  const auto first = Listen({"", 0, path}, false);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto bound = BoundAddress(*first);
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(bound->path, path);
  EXPECT_FALSE(Listen({"", 0, path}, false).ok());  // in use
  close(*first);
  const auto second = Listen({"", 0, path}, false);
  EXPECT_TRUE(second.ok()) << second.status();
  if (second.ok()) close(*second);
  unlink(path.c_str());
  rmdir(folder);
}

}  // namespace
}  // namespace postern::transports
