// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rule_key.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

struct Client {
  std::string address;
  std::string name = "";
  NameStatus status = NameStatus::kConfirmed;
  std::optional<std::string> info = {};
};

SessionInfo Peer(const Client& client) {
  SessionInfo peer;
  peer.remote_address = IpAddress::Parse(client.address);
  peer.remote_name = client.name;
  peer.name_status = client.status;
  peer.remote_info = client.info;
  return peer;
}

TEST(TcpRuleKeyTest, MostSpecificKeyComesFirst) {
  const struct {
    Client client;
    absl::string_view keys;  // separated by spaces
  } cases[] = {
      {{"192.168.4.10"}, "192.168.4.10 192.168.4. 192.168. 192. "},
      {{"192.0.2.1", "a.b.example"},
       "192.0.2.1 =a.b.example 192.0.2. 192.0. 192. =.b.example =.example = "},
      {{"192.0.2.1", "a.b", NameStatus::kConfirmed, "joe"},
       "joe@192.0.2.1 joe@=a.b 192.0.2.1 =a.b 192.0.2. 192.0. 192. =.b = "},
      {{"192.0.2.1", "", NameStatus::kNone, "joe"},
       "joe@192.0.2.1 192.0.2.1 192.0.2. 192.0. 192. "},
      {{"192.0.2.1", "", NameStatus::kNone, ""},
       "@192.0.2.1 192.0.2.1 192.0.2. 192.0. 192. "},
      // The names come from DNS and can contain any text.
      {{"192.0.2.1", "A.Example."},
       "192.0.2.1 =a.example 192.0.2. 192.0. 192. =.example = "},
      {{"192.0.2.1", ".example"},
       "192.0.2.1 =.example 192.0.2. 192.0. 192. = "},
      {{"192.0.2.1", "a..b"},
       "192.0.2.1 =a..b 192.0.2. 192.0. 192. =..b =.b = "},
      {{"192.0.2.1", "."}, "192.0.2.1 192.0.2. 192.0. 192. "},
      {{"192.0.2.1", "127.0.0.1"},
       "192.0.2.1 =127.0.0.1 192.0.2. 192.0. 192. =.0.0.1 =.0.1 =.1 = "},
      {{"192.0.2.1", "127.evil"},
       "192.0.2.1 =127.evil 192.0.2. 192.0. 192. =.evil = "},
      {{"192.0.2.1", "\xc3\x84.example"},
       "192.0.2.1 =\xc3\x84.example 192.0.2. 192.0. 192. =.example = "},
      // Each address has only one text.
      {{"::ffff:192.0.2.1"}, "192.0.2.1 192.0.2. 192.0. 192. "},
      {{"::FFFF:c000:201"}, "192.0.2.1 192.0.2. 192.0. 192. "},
      {{"2001:db8::1"}, "2001:db8::1 2001:db8:: 2001:db8: 2001: "},
      {{"2001:0DB8:0:0:0:0:0:1"}, "2001:db8::1 2001:db8:: 2001:db8: 2001: "},
      {{"::1"}, "::1 :: : "},
      {{"::"}, ":: : "},
      {{"::192.0.2.1"}, "::c000:201 ::c000: :: : "},
      {{"2001:db8::"}, "2001:db8:: 2001:db8: 2001: "},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.client.address + " " + c.client.name);
    const auto keys = TcpRuleKeys(Peer(c.client));
    EXPECT_EQ(absl::StrJoin(keys, " "), c.keys);
  }
}

// Each text is what Debian's ucspi-tcp-ipv6 set in TCPREMOTEIP.
TEST(TcpRuleKeyTest, Ipv6TextIsThatOfTcpserver) {
  const struct {
    absl::string_view address;
    absl::string_view text;
  } cases[] = {
      {"2001:db8:0:1:1:1:1:1", "2001:db8::1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:1:1:0:0:1:1", "2001:db8:1:1::1:1"},
      {"::102:304", "::102:304"},
      {"fe80::1", "fe80::1"},
      {"2001:0:1:0:1:1:1:1", "2001::1:0:1:1:1:1"},
      {"2001:0:0:1:0:0:1:1", "2001::1:0:0:1:1"},
      {"2001:1:1:1:1:1:1:0", "2001:1:1:1:1:1:1::"},
      {"2001:1:1:1:1:1:0:0", "2001:1:1:1:1:1::"},
      {"64:ff9b::1", "64:ff9b::1"},
      {"2001:ABC:def:0012:1:2:3:4", "2001:abc:def:12:1:2:3:4"},
      {"::2:1", "::2:1"},
  };
  for (const auto& c : cases) {
    const auto keys = TcpRuleKeys(Peer({std::string(c.address)}));
    EXPECT_EQ(keys.front(), c.text);
  }
}

TEST(TcpRuleKeyTest, UnconfirmedNameHasNoKeys) {
  for (NameStatus status : {NameStatus::kNone, NameStatus::kUnchecked,
                            NameStatus::kTemporary, NameStatus::kForged}) {
    const auto keys =
        TcpRuleKeys(Peer({"192.0.2.1", "trusted.example", status, "joe"}));
    EXPECT_EQ(absl::StrJoin(keys, " "),
              "joe@192.0.2.1 192.0.2.1 192.0.2. 192.0. 192. ");
  }
}

// The client uses a Unix socket. Only the rule for any client applies, whatever
// ident or a name server said.
TEST(TcpRuleKeyTest, ClientWithoutAnAddressHasOnlyTheEmptyKey) {
  const auto keys =
      TcpRuleKeys(Peer({"", "a.example", NameStatus::kConfirmed, "joe"}));
  EXPECT_EQ(keys, std::vector<std::string>{""});
}

TEST(TcpRuleKeyTest, RecognizesKeysThatNoClientHas) {
  for (absl::string_view key : {"",
                                "=",
                                "192.0.2.1",
                                "192.0.2.",
                                "192.0.",
                                "192.",
                                "0.",
                                "255.",
                                "=a.example",
                                "=.example",
                                "=a",
                                "=-",
                                "joe@192.0.2.1",
                                "joe@=a.example",
                                "@192.0.2.1",
                                "a@b@192.0.2.1",
                                "joe@::1",
                                "::1",
                                "::",
                                ":",
                                "2001:db8::1",
                                "2001:db8::",
                                "2001:db8:",
                                "2001:",
                                "2001:0:",
                                "2001:0:0:",
                                "2001:0:0:1:",
                                "2001:db8:0:0:",
                                "2001:0:0:1::",
                                "0:",
                                "0:1:",
                                "1:2:3:4:5:6:7:",
                                "1:2:3:4:5:6:7:8",
                                "1:2:3:4:5:6:7::",
                                "1::2:3:4:5:",
                                "1:2:3:4:5:6::",
                                "=127.0.0.1"}) {
    EXPECT_TRUE(IsTcpRuleKey(key)) << std::string(key);
  }
  for (absl::string_view key : {"192.0.2.0/24",
                                "192.0.2",
                                "192",
                                "192.0.2.01",
                                "192.0.2.256",
                                "256.",
                                "192.0.2.1.",
                                "192.0.2.1-4",
                                ".",
                                "192..",
                                " 192.",
                                "192. ",
                                "*",
                                "joe@",
                                "joe@192.0.",
                                "joe@=",
                                "joe@2001:",
                                "a.example",
                                ".example",
                                "=A.example",
                                "=.Example",
                                "=a.",
                                "=.",
                                "2001:DB8::",
                                "2001:0db8::1",
                                "2001:db8:0:1:1:1:1:1",
                                "2001:db8::0:1",
                                "joe@=.a",
                                "=127.",
                                "2001:db8",
                                "2001:db8::1::",
                                "::ffff:192.0.2.1",
                                "::ffff:c000:201",
                                "1.2:",
                                "::192.0.2.1",
                                "fe80::1%eth0",
                                "1:2:3:4:5:6:7:8:",
                                ":::",
                                "g:"}) {
    EXPECT_FALSE(IsTcpRuleKey(key)) << std::string(key);
  }
}

}  // namespace
}  // namespace postern::policy
