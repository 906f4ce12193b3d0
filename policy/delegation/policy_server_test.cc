// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_server.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(PolicyServerTest, ParsesAddressesAndWords) {
  const auto servers = ParsePolicyServers(
      "inet:127.0.0.1:10023 \tunix:/run/p,all-clients "
      "inet:[2001:db8::1]:65535,timeout=120,at=data,ignore-outage");
  ASSERT_TRUE(servers.ok()) << servers.status();
  ASSERT_EQ(servers->size(), 3u);
  const PolicyServer& first = (*servers)[0];
  EXPECT_EQ(first.name, "inet:127.0.0.1:10023");
  EXPECT_EQ(first.address, IpAddress::Parse("127.0.0.1"));
  EXPECT_EQ(first.port, 10023);
  EXPECT_FALSE(first.all_clients);
  EXPECT_FALSE(first.at_data);
  EXPECT_FALSE(first.ignore_outage);
  EXPECT_EQ(first.timeout, absl::Seconds(30));
  const PolicyServer& second = (*servers)[1];
  EXPECT_EQ(second.name, "unix:/run/p");
  EXPECT_EQ(second.path, "/run/p");
  EXPECT_FALSE(second.address);
  EXPECT_TRUE(second.all_clients);
  const PolicyServer& third = (*servers)[2];
  EXPECT_EQ(third.name, "inet:[2001:db8::1]:65535");
  EXPECT_EQ(third.address, IpAddress::Parse("2001:db8::1"));
  EXPECT_EQ(third.port, 65535);
  EXPECT_EQ(third.timeout, absl::Seconds(120));
  EXPECT_TRUE(third.ignore_outage);
  EXPECT_TRUE(third.at_data);
}

TEST(PolicyServerTest, AnErrorQuotesTheServer) {
  const std::string long_path = absl::StrCat("unix:/", std::string(107, 'x'));
  const struct {
    absl::string_view text;
    absl::string_view error;
  } cases[] = {
      {" ", "no server"},
      {"127.0.0.1:1", "neither inet:ADDRESS:PORT nor unix:PATH"},
      {"unix:run/p", "not absolute"},
      {long_path, "too long"},
      {"inet:127.0.0.1", "port is missing"},
      {"inet:127.0.0.1:", "1 to 65535"},
      {"inet:127.0.0.1:0", "1 to 65535"},
      {"inet:127.0.0.1:65536", "1 to 65535"},
      {"inet:127.0.0.1:smtp", "1 to 65535"},
      {"inet::1", "not an IP address"},
      {"inet:localhost:1", "not an IP address"},
      {"inet:::1:10023", "not an IP address"},
      {"inet:[127.0.0.1]:1", "not an IP address"},
      {"inet:[::1:10023", "']' is missing"},
      {"unix:/p,all", "unknown word \"all\""},
      {"unix:/p,", "unknown word \"\""},
      {"unix:/p,timeout=0", "1 to 120"},
      {"unix:/p,timeout=121", "1 to 120"},
      {"unix:/p,timeout=", "1 to 120"},
      {"unix:/p,timeout=1s", "1 to 120"},
  };
  for (const auto& c : cases) {
    const std::string all = absl::StrCat("unix:/good ", c.text);
    const auto servers =
        ParsePolicyServers(c.text == " " ? c.text : absl::string_view(all));
    ASSERT_FALSE(servers.ok()) << c.text;
    EXPECT_TRUE(absl::StrContains(servers.status().message(), c.error))
        << servers.status();
    if (c.text == " ") continue;
    EXPECT_TRUE(absl::StartsWith(servers.status().message(),
                                 absl::StrCat("\"", c.text, "\": ")))
        << servers.status();
  }
}

}  // namespace
}  // namespace postern::policy
