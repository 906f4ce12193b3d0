// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/amqp_address.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

TEST(AmqpAddressTest, ParsesHostsAndWords) {
  const auto address = AmqpAddress::Parse(
      true,
      "mq.example,192.0.2.1:5,[::1],queue=mail,auth=/a,vhost=v/x,ca=/c,"
      "spool=/s,timeout=7");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->Format(),
            "mq.example:5671,192.0.2.1:5,[::1]:5671,queue=mail,auth=/a,"
            "vhost=v/x,ca=/c,spool=/s,timeout=7");
  EXPECT_EQ(*AmqpAddress::Parse(true, address->Format()), *address);
  const auto plain = AmqpAddress::Parse(false, "mq,queue=q,auth=/a");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->Format(), "mq:5672,queue=q,auth=/a");
  EXPECT_EQ(plain->vhost, "/");
  EXPECT_EQ(plain->timeout, 30);
}

TEST(AmqpAddressTest, ErrorNamesThePart) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"", "the broker is missing"},
      {"queue=q,auth=/a", "the broker is missing"},
      {"mq,auth=/a", "queue=NAME is missing"},
      {"mq,queue=q", "auth=FILE is missing"},
      {"mq,queue=q,auth=/a,other", "\"other\": the servers come before"},
      {"mq,queue=q,auth=/a,quorum=1",
       "unknown word \"quorum=1\": queue=, auth=, vhost="},
      {"mq,queue=q,queue=r,auth=/a", "\"queue=r\": queue= is given twice"},
      {"mq,queue=,auth=/a", "\"queue=\": the value is missing"},
      {"mq,queue=a b,auth=/a", "\"queue=a b\": a name has"},
      {"mq,queue=amq.x,auth=/a", "does not begin with amq."},
      {"mq,queue=q,auth=a", "\"auth=a\": the path is not absolute"},
      {"mq,queue=q,auth=/a,ca=/c", "only amqps: verifies"},
      {"mq,queue=q,auth=/a,timeout=0", "\"timeout=0\": not a number"},
      {"mq,queue=q,auth=/a,timeout=301", "not a number of seconds"},
      {"mq:99999,queue=q,auth=/a", "the port is not a number"},
      {"mq,mq:5672,queue=q,auth=/a", "the same server twice"},
      {"unix:/x,queue=q,auth=/a", "a broker has no Unix socket"},
      {"a b,queue=q,auth=/a", "the host is not a host name"},
  };
  for (const auto& c : cases) {
    const auto address = AmqpAddress::Parse(false, c.text);
    ASSERT_FALSE(address.ok()) << c.text;
    EXPECT_TRUE(absl::StrContains(address.status().message(), c.says))
        << c.text << ": " << address.status();
  }
}

TEST(AmqpAddressTest, CredentialsAreALineInASecretFile) {
  const files::TestDirectory directory;
  const std::string path = directory.path() + "/credentials";
  std::ofstream(path) << "user:pass:word\n";
  chmod(path.c_str(), 0600);
  const auto read = ReadAmqpCredentials(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, (AmqpCredentials{"user", "pass:word"}));
  for (const mode_t mode : {0640, 0604, 0602, 0641}) {
    chmod(path.c_str(), mode);
    const auto refused = ReadAmqpCredentials(path);
    ASSERT_FALSE(refused.ok()) << mode;
    EXPECT_TRUE(absl::StrContains(refused.status().message(), path));
    EXPECT_TRUE(
        absl::StrContains(refused.status().message(), "users other than"));
    EXPECT_FALSE(absl::StrContains(refused.status().message(), "pass:word"));
  }
  chmod(path.c_str(), 0600);
  for (const char* const text : {"", "user", ":pass", "a:b\nc:d\n"}) {
    std::ofstream(path) << text;
    EXPECT_FALSE(ReadAmqpCredentials(path).ok()) << text;
  }
  EXPECT_FALSE(ReadAmqpCredentials(directory.path() + "/none").ok());
}

}  // namespace
}  // namespace postern::delivery
