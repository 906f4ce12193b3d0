// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a text of networks gives a client the rule of the longest network
// that contains it, the first of equal ones, and no rule if there is none. Each
// IPv4 network is accepted.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "net/network_list.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::policy {
namespace {

constexpr unsigned kAddressBits = 128;
constexpr unsigned kMappedBits = 96;

IpAddress::Bytes Read(FuzzedDataProvider* input) {
  IpAddress::Bytes bytes = {};
  if (input->ConsumeBool()) {
    bytes[10] = bytes[11] = 0xff;
    for (size_t i = 12; i < bytes.size(); ++i) {
      bytes[i] = input->ConsumeIntegral<uint8_t>();
    }
    return bytes;
  }
  for (uint8_t& octet : bytes) octet = input->ConsumeIntegral<uint8_t>();
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const IpAddress client(Read(&input));
  std::string text;
  int want = 0;  // the line of the longest network
  unsigned longest = 0;
  for (int line = 1; line <= 4 && input.remaining_bytes() > 0;) {
    // A network of the client, or of any address.
    IpAddress::Bytes bytes =
        input.ConsumeBool() ? Read(&input) : client.bytes();
    const bool v4 = IpAddress(bytes).v4();
    // No shorter ones: some have 65537 keys, which takes long.
    const unsigned bits =
        input.ConsumeIntegralInRange(v4 ? kMappedBits : 24, kAddressBits);
    for (unsigned i = bits; i < kAddressBits; ++i) {
      bytes[i / 8] &= static_cast<uint8_t>(~(0x80U >> i % 8));
    }
    const net::Network network = {IpAddress(bytes), bits};
    if (network.address.v4() != v4) continue;
    const std::string rule =
        absl::StrCat(network.address.ToString(), "/",
                     v4 ? bits - kMappedBits : bits, ":deny\n");
    const auto alone = ParseTcpRules("text", rule, TcpNetworks::kExpanded);
    EXPECT_TRUE(alone.ok() || !v4) << alone.status();
    if (!alone.ok()) continue;
    text += rule;
    if (network.Contains(client) && (want == 0 || bits > longest)) {
      want = line;
      longest = bits;
    }
    ++line;
  }
  const auto rules = ParseTcpRules("text", text, TcpNetworks::kExpanded);
  const TcpRule* const found =
      FindTcpRule(rules->rules, SessionInfo{.remote_address = client});
  EXPECT_EQ(found == nullptr ? 0 : found->line, want) << text;
  return 0;
}

}  // namespace postern::policy
