// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/next_hop.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

std::string Format(const NextHop& hop) {
  return absl::StrJoin(hop.hosts, " ",
                       [](std::string* out, const HopAddress& address) {
                         absl::StrAppend(out, address.Format());
                       });
}

TEST(NextHopTest, ServersAreReadInOrder) {
  const struct {
    bool lmtp;
    absl::string_view text;
    absl::string_view servers;
    bool names = false;
  } cases[] = {
      {true, "unix:/run/dovecot/lmtp", "unix:/run/dovecot/lmtp"},
      {true, "unix:/a:b,unix:/c", "unix:/a:b unix:/c"},
      {true, "127.0.0.1:24", "127.0.0.1:24"},
      {true, "[::1]:2424,LMTP.example:24", "[::1]:2424 lmtp.example:24", true},
      {false, "192.0.2.1", "192.0.2.1:25"},
      {false, "[2001:db8::1]", "[2001:db8::1]:25"},
      {false, "relay.example", "relay.example:25", true},
      {false, "relay_a:587,192.0.2.1:65535", "relay_a:587 192.0.2.1:65535",
       true},
      {false, "unix:/run/smtp", "unix:/run/smtp"},
  };
  for (const auto& c : cases) {
    const auto hop = NextHop::Parse(c.lmtp, c.text);
    ASSERT_TRUE(hop.ok()) << hop.status();
    EXPECT_EQ(hop->lmtp, c.lmtp);
    EXPECT_EQ(Format(*hop), c.servers);
    EXPECT_EQ(hop->has_names(), c.names) << c.text;
    // What is printed can be read again.
    const auto again = NextHop::Parse(
        c.lmtp,
        absl::StrJoin(hop->hosts, ",", [](std::string* out, auto& each) {
          absl::StrAppend(out, each.Format());
        }));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, *hop);
  }
}

TEST(NextHopTest, MistakesAreNamed) {
  const struct {
    bool lmtp;
    std::string text;
    absl::string_view why;
  } cases[] = {
      {true, "", "lmtp:unix:PATH or lmtp:HOST:PORT"},
      {false, "", "smtp:HOST[:PORT]"},
      {true, "mail.example", "the port is missing"},
      {true, "127.0.0.1:25", "must not use port 25"},
      {true, "unix:lmtp", "not absolute"},
      {true, absl::StrCat("unix:/", std::string(107, 'x')), "107 octets"},
      {false, "a.example,", "\"\": the host is not"},
      {false, "a.example,,b.example", "\"\": the host is not"},
      {false, "a.example,A.example:25", "the same server twice"},
      {false, "a.example:", "the port is not a number"},
      {false, "a.example:0", "the port is not a number"},
      {false, "a.example:65536", "the port is not a number"},
      {false, "a.example:+25", "the port is not a number"},
      {false, "a.example:25x", "the port is not a number"},
      {false, "192.0.2", "the host is not a host name"},
      {false, "192.0.2.1.7", "the host is not a host name"},
      {false, "a b", "the host is not a host name"},
      {false, "a..b", "the host is not a host name"},
      {false, "::1", "the host is not a host name"},
      {false, "[::1", "not an IPv6 address in brackets"},
      {false, "[192.0.2.1]:25", "not an IPv6 address in brackets"},
      {false, "[::1]25", "the port is missing"},
      {false,
       "1.example,2.example,3.example,4.example,5.example,6.example,"
       "7.example,8.example,9.example",
       "at most 8"},
  };
  for (const auto& c : cases) {
    const auto hop = NextHop::Parse(c.lmtp, c.text);
    ASSERT_TRUE(absl::IsInvalidArgument(hop.status())) << c.text;
    EXPECT_TRUE(absl::StrContains(hop.status().message(), c.why))
        << c.text << ": " << hop.status();
  }
}

}  // namespace
}  // namespace postern::delivery
