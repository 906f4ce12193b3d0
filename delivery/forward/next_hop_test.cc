// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/next_hop.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using Kind = NextHop::Kind;

std::string Format(const NextHop& hop) {
  return absl::StrJoin(hop.hosts, " ",
                       [](std::string* out, const HopAddress& address) {
                         absl::StrAppend(out, address.Format());
                       });
}

TEST(NextHopTest, ServersAreReadInOrder) {
  const struct {
    Kind kind;
    absl::string_view text;
    absl::string_view servers;
    bool names = false;
  } cases[] = {
      {Kind::kLmtp, "unix:/run/dovecot/lmtp", "unix:/run/dovecot/lmtp"},
      {Kind::kLmtp, "unix:/a:b,unix:/c", "unix:/a:b unix:/c"},
      {Kind::kLmtp, "127.0.0.1:24", "127.0.0.1:24"},
      {Kind::kLmtp, "[::1]:2424,LMTP.example:24", "[::1]:2424 lmtp.example:24",
       true},
      {Kind::kSmtp, "192.0.2.1", "192.0.2.1:25"},
      {Kind::kSmtp, "[2001:db8::1]", "[2001:db8::1]:25"},
      {Kind::kSmtp, "relay.example", "relay.example:25", true},
      {Kind::kSmtp, "relay_a:587,192.0.2.1:65535",
       "relay_a:587 192.0.2.1:65535", true},
      {Kind::kSmtp, "unix:/run/smtp", "unix:/run/smtp"},
      {Kind::kSmtp, "unix:/a=b,unix:/tls=may", "unix:/a=b unix:/tls=may"},
      {Kind::kSmtps, "relay.example,192.0.2.1:587",
       "relay.example:465 192.0.2.1:587", true},
  };
  for (const auto& c : cases) {
    const auto hop = NextHop::Parse(c.kind, c.text);
    ASSERT_TRUE(hop.ok()) << hop.status();
    EXPECT_EQ(hop->lmtp, c.kind == Kind::kLmtp);
    EXPECT_EQ(hop->implicit_tls, c.kind == Kind::kSmtps);
    EXPECT_EQ(Format(*hop), c.servers);
    EXPECT_EQ(hop->has_names(), c.names) << c.text;
    // What is printed can be read again.
    const auto again = NextHop::Parse(c.kind, hop->Format());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, *hop);
  }
}

constexpr absl::string_view kSum =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
constexpr absl::string_view kOther =
    "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

TEST(NextHopTest, WordsFollowTheServers) {
  const auto hop = NextHop::Parse(
      Kind::kSmtp,
      "a.example:587,unix:/s,name=MX.example,ca=/ca.pem,auth=/relay=1");
  ASSERT_TRUE(hop.ok()) << hop.status();
  EXPECT_EQ(Format(*hop), "a.example:587 unix:/s");
  EXPECT_EQ(hop->tls, std::nullopt);
  EXPECT_EQ(hop->tls_name, "mx.example");
  EXPECT_EQ(hop->ca_file, "/ca.pem");
  EXPECT_EQ(hop->auth_file, "/relay=1");
}

TEST(NextHopTest, FormatCanBeParsed) {
  const std::string sums =
      absl::StrCat("fingerprint=", kSum, ",fingerprint=", kOther);
  const struct {
    Kind kind;
    std::string text;
    std::string formatted;
  } cases[] = {
      {Kind::kSmtp, "a,tls=none", "a:25,tls=none"},
      {Kind::kSmtp, "a,tls=may", "a:25,tls=may"},
      {Kind::kLmtp, "a:24,tls=encrypt", "a:24,tls=encrypt"},
      {Kind::kSmtp, "a,b,auth=/f,tls=verify", "a:25,b:25,tls=verify,auth=/f"},
      {Kind::kSmtp, "a,auth=/f,ca=/c,name=B.c", "a:25,name=b.c,ca=/c,auth=/f"},
      {Kind::kSmtps, absl::StrCat("a,", sums), absl::StrCat("a:465,", sums)},
      {Kind::kSmtp, absl::StrCat("unix:/s,auth=/f,", sums),
       absl::StrCat("unix:/s,", sums, ",auth=/f")},
      {Kind::kSmtp, "a,dsn,xforward,xclient", "a:25,xclient,xforward,dsn"},
      {Kind::kLmtp, "a:24,binarymime,proxy", "a:24,proxy,binarymime"},
      {Kind::kSmtp, "a,proxy:25,proxy", "a:25,proxy:25,proxy"},
  };
  for (const auto& c : cases) {
    const auto hop = NextHop::Parse(c.kind, c.text);
    ASSERT_TRUE(hop.ok()) << hop.status();
    EXPECT_EQ(hop->Format(), c.formatted);
    const auto again = NextHop::Parse(c.kind, hop->Format());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, *hop);
  }
}

TEST(NextHopTest, FingerprintHasOneForm) {
  const auto hop = NextHop::Parse(
      Kind::kSmtps,
      "a,fingerprint=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
      "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF");
  ASSERT_TRUE(hop.ok()) << hop.status();
  EXPECT_EQ(hop->fingerprints, std::vector<std::string>{std::string(kSum)});
}

TEST(NextHopTest, LevelDependsOnTheServer) {
  const std::string sum = absl::StrCat("a,fingerprint=", kSum);
  const struct {
    Kind kind;
    absl::string_view text;
    absl::string_view level;
    absl::string_view name;
  } cases[] = {
      // The network cannot read what stays within the machine.
      {Kind::kLmtp, "unix:/s", "none", ""},
      {Kind::kSmtp, "127.8.8.8", "none", "127.8.8.8"},
      {Kind::kSmtp, "[::1]", "none", "::1"},
      {Kind::kSmtp, "LOCALHOST", "none", "localhost"},
      {Kind::kSmtp, "unix:/s,auth=/f", "none", ""},
      {Kind::kSmtp, "127.0.0.1,auth=/f", "none", "127.0.0.1"},
      {Kind::kSmtp, "127.0.0.1,tls=may", "may", "127.0.0.1"},
      {Kind::kSmtp, "unix:/s,name=a", "verify", "a"},
      {Kind::kSmtps, "127.0.0.1", "verify", "127.0.0.1"},
      {Kind::kSmtp, "a.example", "may", "a.example"},
      {Kind::kLmtp, "192.0.2.1:24", "may", "192.0.2.1"},
      {Kind::kSmtp, "128.0.0.1", "may", "128.0.0.1"},
      {Kind::kSmtp, "[::2]", "may", "::2"},
      {Kind::kSmtp, "[1::1]", "may", "1::1"},
      {Kind::kSmtp, "a.example,tls=none", "none", "a.example"},
      {Kind::kSmtp, "a.example,tls=encrypt", "encrypt", "a.example"},
      // A password needs a verified server.
      {Kind::kSmtp, "a.example,auth=/f", "verify", "a.example"},
      // These words would have no effect otherwise.
      {Kind::kSmtp, "a.example,name=b", "verify", "b"},
      {Kind::kSmtp, "a.example,ca=/c", "verify", "a.example"},
      {Kind::kSmtp, sum, "verify", "a"},
      {Kind::kSmtps, "a.example", "verify", "a.example"},
      {Kind::kSmtps, "a.example,tls=encrypt", "encrypt", "a.example"},
  };
  for (const auto& c : cases) {
    const auto hop = NextHop::Parse(c.kind, c.text);
    ASSERT_TRUE(hop.ok()) << hop.status();
    EXPECT_EQ(TlsLevelName(hop->LevelOf(hop->hosts[0])), c.level) << c.text;
    EXPECT_EQ(hop->NameOf(hop->hosts[0]), c.name) << c.text;
  }
}

// The address that a file or DNS has for a name does not make the server local.
TEST(NextHopTest, NameIsLocalOnlyIfItSaysSo) {
  HopAddress address{.ip = IpAddress::Parse("127.0.0.1"),
                     .name = "relay.example"};
  EXPECT_FALSE(address.is_local());
  address.name = "localhost";
  EXPECT_TRUE(address.is_local());
}

TEST(NextHopTest, WrongWordsAreNamed) {
  const std::string sum = absl::StrCat(",fingerprint=", kSum);
  const struct {
    Kind kind;
    std::string text;
    absl::string_view why;
  } cases[] = {
      {Kind::kSmtp, "tls=may", "the server is missing before tls=may"},
      {Kind::kSmtp, "a,tls=may,b", "\"b\": the servers come before the words"},
      {Kind::kSmtp, "a,tls=may,unix:/a=b", "the servers come before the words"},
      {Kind::kSmtp, "a,", "\"\": the host is not"},
      {Kind::kSmtp, "a,tls=may,", "\"\": the servers come before the words"},
      {Kind::kSmtp, "a,sasl=/f", "unknown word \"sasl=/f\""},
      {Kind::kSmtp, "a,TLS=may", "unknown word \"TLS=may\""},
      {Kind::kSmtp, "a,tls", "\"tls\": the value is missing"},
      {Kind::kSmtp, "a,tls=", "\"tls=\": the value is missing"},
      {Kind::kSmtp, "a,tls=opportunistic", "none, may, encrypt, verify"},
      {Kind::kSmtp, "a,tls=may,tls=may", "tls= is given twice"},
      {Kind::kSmtp, "a,auth=/f,auth=/g", "auth= is given twice"},
      {Kind::kSmtp, "a,dsn,dsn", "\"dsn\": dsn is given twice"},
      {Kind::kSmtp, "a,dsn=1", "\"dsn=1\": dsn has no value"},
      {Kind::kSmtp, "a,proxy,xclient", "xclient: contradicts proxy"},
      {Kind::kSmtp, "proxy", "the server is missing before proxy"},
      {Kind::kSmtp, "a,auth=f", "\"auth=f\": the path is not absolute"},
      {Kind::kSmtp, "a,ca=f", "\"ca=f\": the path is not absolute"},
      {Kind::kSmtp, "a,name=a b", "\"name=a b\": not a host name"},
      {Kind::kSmtp, "a,fingerprint=00", "not the 64 hexadecimal digits"},
      {Kind::kSmtp, "a,tls=may,name=b", "name=: contradicts tls=may"},
      {Kind::kSmtp, "a,tls=encrypt,ca=/c", "ca=: contradicts tls=encrypt"},
      {Kind::kSmtp, "a,tls=none" + sum, "fingerprint=: contradicts tls=none"},
      {Kind::kSmtp, "a,name=b" + sum, "name=: contradicts fingerprint="},
      {Kind::kSmtp, "a,ca=/c" + sum, "ca=: contradicts fingerprint="},
      {Kind::kSmtps, "a,tls=none", "tls=: smtps: always uses TLS"},
      {Kind::kSmtps, "a,tls=may", "tls=: smtps: always uses TLS"},
      {Kind::kSmtp, "a,auth=/f,tls=none",
       "auth=: contradicts tls=none: the server a:25 gets a password only"},
      {Kind::kSmtp, "a,auth=/f,tls=may", "auth=: contradicts tls=may"},
      {Kind::kSmtp, "127.0.0.1,a,auth=/f,tls=encrypt",
       "auth=: contradicts tls=encrypt: the server a:25"},
      {Kind::kSmtps, "a,auth=/f,tls=encrypt", "auth=: contradicts tls=encrypt"},
      {Kind::kSmtps, "unix:/s", "name= or fingerprint= is missing"},
      {Kind::kSmtp, "unix:/s,ca=/c", "name= or fingerprint= is missing"},
      {Kind::kSmtps, "", "smtps:HOST[:PORT]"},
  };
  for (const auto& c : cases) {
    const auto hop = NextHop::Parse(c.kind, c.text);
    ASSERT_TRUE(absl::IsInvalidArgument(hop.status())) << c.text;
    EXPECT_TRUE(absl::StrContains(hop.status().message(), c.why))
        << c.text << ": " << hop.status();
  }
}

TEST(NextHopTest, MistakesAreNamed) {
  const struct {
    Kind kind;
    std::string text;
    absl::string_view why;
  } cases[] = {
      {Kind::kLmtp, "", "lmtp:unix:PATH or lmtp:HOST:PORT"},
      {Kind::kSmtp, "", "smtp:HOST[:PORT]"},
      {Kind::kLmtp, "mail.example", "the port is missing"},
      {Kind::kLmtp, "127.0.0.1:25", "must not use port 25"},
      {Kind::kLmtp, "unix:lmtp", "not absolute"},
      {Kind::kLmtp, absl::StrCat("unix:/", std::string(107, 'x')),
       "107 octets"},
      {Kind::kSmtp, "a.example,", "\"\": the host is not"},
      {Kind::kSmtp, "a.example,,b.example", "\"\": the host is not"},
      {Kind::kSmtp, "a.example,A.example:25", "the same server twice"},
      {Kind::kSmtp, "a.example:", "the port is not a number"},
      {Kind::kSmtp, "a.example:0", "the port is not a number"},
      {Kind::kSmtp, "a.example:65536", "the port is not a number"},
      {Kind::kSmtp, "a.example:+25", "the port is not a number"},
      {Kind::kSmtp, "a.example:25x", "the port is not a number"},
      {Kind::kSmtp, "192.0.2", "the host is not a host name"},
      {Kind::kSmtp, "192.0.2.1.7", "the host is not a host name"},
      {Kind::kSmtp, "a b", "the host is not a host name"},
      {Kind::kSmtp, "a..b", "the host is not a host name"},
      {Kind::kSmtp, "::1", "the host is not a host name"},
      {Kind::kSmtp, "[::1", "not an IPv6 address in brackets"},
      {Kind::kSmtp, "[192.0.2.1]:25", "not an IPv6 address in brackets"},
      {Kind::kSmtp, "[::1]25", "the port is missing"},
      {Kind::kSmtp,
       "1.example,2.example,3.example,4.example,5.example,6.example,"
       "7.example,8.example,9.example",
       "at most 8"},
  };
  for (const auto& c : cases) {
    const auto hop = NextHop::Parse(c.kind, c.text);
    ASSERT_TRUE(absl::IsInvalidArgument(hop.status())) << c.text;
    EXPECT_TRUE(absl::StrContains(hop.status().message(), c.why))
        << c.text << ": " << hop.status();
  }
}

}  // namespace
}  // namespace postern::delivery
