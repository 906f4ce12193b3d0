// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a client gets the most specific rule of those that a walk over all
// rules finds, the first of equal ones. That rule prints to a text that parses
// to it. The parser of the text accepts each key of a client.

#include <arpa/inet.h>
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "fuzz/memory_file.h"
#include "fuzz/tcp_rule_weight.h"
#include "gtest/gtest.h"
#include "policy/rules/tcp_rule_key.h"
#include "policy/rules/tcp_rule_line.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::policy {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const int family = input.ConsumeBool() ? AF_INET : AF_INET6;
  std::string bytes = input.ConsumeBytesAsString(16) + std::string(16, '\0');
  char ip[INET6_ADDRSTRLEN];
  inet_ntop(family, bytes.data(), ip, sizeof(ip));
  SessionInfo peer{.remote_address = IpAddress::Parse(ip),
                   .name_status = NameStatus::kConfirmed};
  // Names here have no capitals, which no key has, and no '@', which no name
  // has.
  for (char c : "n" + input.ConsumeRandomLengthString(9)) {
    peer.remote_name += (c >= 'A' && c <= 'Z') || c == '@' ? '.' : c;
  }
  peer.remote_name += "n";
  if (input.ConsumeBool()) peer.remote_info = input.ConsumeBytesAsString(3);
  std::string text;
  const auto keys = TcpRuleKeys(peer);
  for (const std::string& key : keys) {
    EXPECT_TRUE(IsTcpRuleKey(key)) << key;
    if (input.ConsumeBool()) text = absl::StrCat(key, ":allow\n", text);
  }
  text += input.ConsumeRemainingBytesAsString();
  const auto parsed = ParseTcpRules("text", text);
  if (!parsed.ok()) return 0;
  const TcpRule* want = nullptr;
  TcpRuleWeight best;
  const std::string& own = keys[peer.remote_info ? 2 : 0];
  MemoryFile::Records records;
  for (const TcpRule& rule : parsed->rules) {
    records.emplace_back(rule.key, rule.record);
    if (const auto weight = WeighTcpRule(rule.key, own, peer); weight > best) {
      best = weight;
      want = &rule;
    }
  }
  MemoryFile file;
  file.WriteCdb(records);
  const auto match = TcpRules::Open(file.path())->Find(peer);
  EXPECT_EQ(match->key.has_value(), want != nullptr);
  if (want == nullptr) return 0;
  const auto line = TcpRuleLine(want->key, want->record);
  EXPECT_TRUE(line.has_value());
  const auto again = ParseTcpRules("text", *line + "\n");
  EXPECT_EQ(again->rules[0], (TcpRule{want->key, want->record, 1}));
  return 0;
}

}  // namespace postern::policy
