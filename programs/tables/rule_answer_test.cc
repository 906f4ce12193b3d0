// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/tables/rule_answer.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "policy/rules/tcp_rule_key.h"

namespace postern::programs {
namespace {

using Match = policy::TcpRules::Match;

SessionInfo Peer(absl::string_view address, absl::string_view name = "",
                 std::optional<std::string> ident = std::nullopt) {
  SessionInfo peer;
  peer.remote_address = IpAddress::Parse(address);
  peer.remote_name = std::string(name);
  if (!name.empty()) peer.name_status = NameStatus::kConfirmed;
  peer.remote_info = std::move(ident);
  return peer;
}

TEST(RuleAnswerTest, RelayClientIsExplained) {
  EXPECT_EQ(DescribeRule(Peer("192.0.2.7", "mx.a.example"),
                         {.allow = true,
                          .variables = {{"RELAYCLIENT", ""}, {"OURS", "1"}},
                          .key = "192.0.2."},
                         "/etc/tcp.smtp:3"),
            "rule 192.0.2.:\n"
            "  /etc/tcp.smtp:3\n"
            "  The address 192.0.2.7 begins with 192.0.2.\n"
            "  These addresses come first and have no rule: 192.0.2.7 "
            "=mx.a.example\n"
            "set environment variable RELAYCLIENT=\n"
            "  The client may relay: it may send to every domain.\n"
            "set environment variable OURS=1\n"
            "  The programs that serve the client and the queue program get "
            "it.\n"
            "allow connection\n");
}

// As tcprulescheck does, it shows no variables of a denied client.
TEST(RuleAnswerTest, DeniedClientIsExplained) {
  EXPECT_EQ(
      DescribeRule(
          Peer("192.0.2.7"),
          {.allow = false, .variables = {{"A", "b"}}, .key = "192.0.2.7"}, ""),
      "rule 192.0.2.7:\n"
      "  The rule is for this address.\n"
      "deny connection\n"
      "  tcpserver closes the connection. postern serve replies with a "
      "554 first.\n");
}

TEST(RuleAnswerTest, ClientWithoutARuleIsExplained) {
  EXPECT_EQ(DescribeRule(Peer("192.0.2.7"), {.allow = true}, ""),
            "default:\n"
            "  No rule matches. Such a client is allowed; the rule \":deny\" "
            "changes that.\n"
            "  These addresses have no rule: 192.0.2.7 192.0.2. 192.0. 192. "
            "(empty)\n"
            "allow connection\n");
}

TEST(RuleAnswerTest, EachKindOfKeyHasItsReason) {
  const SessionInfo peer = Peer("192.0.2.7", "mx.a.example", "joe");
  const std::pair<absl::string_view, absl::string_view> reasons[] = {
      {"joe@192.0.2.7", "The rule is for this user of this address."},
      {"joe@=mx.a.example", "The rule is for this user of this host name."},
      {"192.0.2.7", "The rule is for this address."},
      {"=mx.a.example", "The rule is for this host name."},
      {"192.0.2.", "The address 192.0.2.7 begins with 192.0.2."},
      {"192.0.", "The address 192.0.2.7 begins with 192.0."},
      {"192.", "The address 192.0.2.7 begins with 192."},
      {"=.a.example", "The host name mx.a.example ends with .a.example"},
      {"=.example", "The host name mx.a.example ends with .example"},
      {"=", "The rule is for all clients with a host name."},
      {"", "The rule without an address is for all clients."},
  };
  std::vector<std::string> keys;
  for (const auto& [key, reason] : reasons) {
    keys.emplace_back(key);
    const std::string text =
        DescribeRule(peer, {.allow = true, .key = std::string(key)}, "");
    EXPECT_TRUE(absl::StrContains(text, absl::StrCat("\n  ", reason, "\n")))
        << text;
  }
  EXPECT_EQ(keys, policy::TcpRuleKeys(peer));
}

// A rule must not control the terminal of an administrator.
TEST(RuleAnswerTest, ControlCharactersAreEscaped) {
  const std::string text = DescribeRule(
      Peer("192.0.2.7", "a\x1b.example", "joe\x07"),
      {.allow = true,
       .variables = {{"A\x1b", "b\x1b[2J\nallow"}, {"POSTERN_LENIENT", "\x1b"}},
       .key = "=a\x1b.example"},
      "/etc/\x1b:1");
  for (const char c : text) {
    EXPECT_TRUE(c == '\n' || absl::ascii_isprint(c)) << text;
  }
  EXPECT_TRUE(absl::StrContains(text,
                                "\nset environment variable "
                                "A\\x1b=b\\x1b[2J\\x0aallow\n"))
      << text;
}

TEST(RuleAnswerTest, InvalidValueIsReported) {
  const std::string text = DescribeRule(
      Peer("192.0.2.7"),
      {.allow = true, .variables = {{"POSTERN_LENIENT", "no"}}, .key = ""}, "");
  EXPECT_TRUE(absl::StrContains(
      text,
      "allow connection\n"
      "  postern serve replies with a 421 because of POSTERN_LENIENT: "))
      << text;
}

TEST(RuleAnswerTest, VariableWithoutEffectIsReported) {
  const std::string text = DescribeRule(
      Peer("192.0.2.7"),
      {.allow = true, .variables = {{"MAXCONNIP", "1"}}, .key = ""}, "");
  EXPECT_TRUE(absl::StrContains(
      text, "postern serve does not use this variable: it is a patch's; "))
      << text;
}

}  // namespace
}  // namespace postern::programs
