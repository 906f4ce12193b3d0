// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/redis_address.h"

#include <sys/stat.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(RedisAddressTest, ParsesServersAndWords) {
  const struct {
    absl::string_view text;
    RedisAddress address;
    absl::string_view formatted;
  } kCases[] = {
      {"redis:localhost", {.host = "localhost"}, "redis:localhost:6379"},
      {"redis:10.0.0.1:7000",
       {.host = "10.0.0.1", .port = 7000},
       "redis:10.0.0.1:7000"},
      {"redis:[2001:db8::1]:7000",
       {.host = "2001:db8::1", .port = 7000},
       "redis:[2001:db8::1]:7000"},
      {"redis:[::1],auth=/p",
       {.host = "::1", .auth = "/p"},
       "redis:[::1]:6379"},
      {"redis:unix:/run/redis/s,db=3,auth=/p,user=mx,prefix=mx:,timeout=60",
       {.path = "/run/redis/s",
        .database = 3,
        .auth = "/p",
        .user = "mx",
        .prefix = "mx:",
        .timeout = absl::Seconds(60)},
       "redis:unix:/run/redis/s"},
      {"rediss:r.example,ca=/ca.pem,auth=/p",
       {.tls = true, .host = "r.example", .auth = "/p", .ca = "/ca.pem"},
       "rediss:r.example:6379"},
      {"redis:127.9.9.9,auth=/p",
       {.host = "127.9.9.9", .auth = "/p"},
       "redis:127.9.9.9:6379"},
  };
  for (const auto& c : kCases) {
    const auto address = RedisAddress::Parse(c.text);
    ASSERT_TRUE(address.ok()) << c.text << ": " << address.status();
    EXPECT_EQ(*address, c.address) << c.text;
    EXPECT_EQ(address->Format(), c.formatted);
  }
}

TEST(RedisAddressTest, ErrorsNameTheWrongPart) {
  const struct {
    absl::string_view text;
    absl::string_view error;
  } kCases[] = {
      {"", "not redis:HOST[:PORT]"},
      {"localhost:6379", "\"localhost:6379\": not redis:HOST[:PORT]"},
      {"redis:", "the server is missing"},
      {"redis:,db=1", "the server is missing"},
      {"redis::6379", "the server is missing"},
      {"redis:h:0", "\"h:0\": not a port from 1 to 65535"},
      {"redis:h:65536", "\"h:65536\": not a port"},
      {"redis:2001:db8::1", "an IPv6 address is in brackets"},
      {"redis:[::1", "\"[::1\": a bracket is missing"},
      {"redis:[10.0.0.1]", "not an IPv6 address in brackets"},
      {"redis:[::1]6379", "no ':'"},
      {"redis:unix:redis.sock", "the path is not absolute"},
      {"rediss:unix:/s", "a Unix socket has no TLS"},
      {"redis:h,db=-1", "\"db=-1\": not a number from 0 to 65535"},
      {"redis:h,db=65536", "\"db=65536\": not a number"},
      {"redis:h,db=1,db=2", "\"db=2\": db= is given twice"},
      {"redis:h,password=x",
       "unknown word \"password=x\": db=, auth=, user=, ca=, prefix=, "
       "timeout="},
      {"redis:h,db", "\"db\": the value is missing"},
      {"redis:h,prefix=", "\"prefix=\": the value is missing"},
      {"redis:h,prefix=a b", "a prefix has 1 to 64 printable"},
      {"redis:h,timeout=0",
       "\"timeout=0\": not a number of seconds from 1 to 60"},
      {"redis:h,timeout=61", "\"timeout=61\": not a number of seconds"},
      {"redis:h,ca=/x", "only rediss: verifies certificates"},
      {"redis:localhost,auth=p", "\"auth=p\": the path is not absolute"},
      {"redis:localhost,user=u", "user=: needs auth=FILE"},
      // The password would be readable on the network.
      {"redis:10.0.0.1,auth=/p", "10.0.0.1: others on the network"},
      {"redis:r.example,auth=/p", "r.example: others on the network"},
      {"redis:[::ffff:10.0.0.1],auth=/p", "not an IPv6 address"},
  };
  for (const auto& c : kCases) {
    const auto address = RedisAddress::Parse(c.text);
    ASSERT_FALSE(address.ok()) << c.text;
    EXPECT_TRUE(absl::StrContains(address.status().message(), c.error))
        << c.text << ": " << address.status();
  }
}

TEST(RedisAddressTest, PasswordWithoutTlsStaysOnThisMachine) {
  const auto may = [](absl::string_view text, absl::string_view ip) {
    return RedisAddress::Parse(text)->MayConnect(*IpAddress::Parse(ip));
  };
  for (const absl::string_view local : {"127.0.0.1", "127.9.9.9", "::1"}) {
    EXPECT_TRUE(may("redis:localhost,auth=/p", local)) << local;
  }
  for (const absl::string_view other : {"10.0.0.1", "2001:db8::1", "::"}) {
    EXPECT_FALSE(may("redis:localhost,auth=/p", other)) << other;
    EXPECT_TRUE(may("redis:localhost", other)) << other;
    EXPECT_TRUE(may("rediss:localhost,auth=/p", other)) << other;
  }
}

TEST(RedisAddressTest, PasswordIsOneLineOfASecretFile) {
  files::TestDirectory directory;
  const std::string path = directory.File("password");
  const auto read = [&](absl::string_view content) {
    directory.Write("password", content);
    chmod(path.c_str(), 0600);
    return ReadRedisPassword(path, "");
  };
  EXPECT_EQ(*read("a:b c\n"), "a:b c");
  EXPECT_EQ(*read("x"), "x");
  for (const absl::string_view wrong : {"", "\n", "a\nb\n", "a\r\n"}) {
    const auto password = read(wrong);
    ASSERT_FALSE(password.ok());
    EXPECT_EQ(password.status().message(),
              path + ": is not one line with a password");
  }
  chmod(path.c_str(), 0644);
  EXPECT_FALSE(ReadRedisPassword(path, "").ok());
}

}  // namespace
}  // namespace postern::policy
