// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rule_network.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "policy/rules/tcp_rule_key.h"

namespace postern::policy {
namespace {

constexpr unsigned kMappedBits = 96;  // the bits before an IPv4 address
constexpr unsigned kOctetBits = 8;
constexpr unsigned kGroupBits = 16;
constexpr size_t kGroups = 8;

// The keys of a network have `units` octets or groups, and the last of these
// takes 2^free_bits values.
struct Shape {
  unsigned units = 0;
  unsigned free_bits = 0;
};

Shape ShapeOf(unsigned bits, unsigned unit_bits) {
  const unsigned units = std::max(1U, (bits + unit_bits - 1) / unit_bits);
  return {units, units * unit_bits - bits};
}

TcpRuleNetwork MakeV4(const net::Network& network) {
  const Shape shape = ShapeOf(network.bits - kMappedBits, kOctetBits);
  const uint8_t* const octets = network.address.bytes().data() + 12;
  TcpRuleNetwork result = {.widened_bits = shape.free_bits};
  std::string common;
  for (unsigned i = 0; i + 1 < shape.units; ++i) {
    absl::StrAppend(&common, octets[i], ".");
  }
  const unsigned first = octets[shape.units - 1];
  for (unsigned i = 0; i < 1U << shape.free_bits; ++i) {
    result.keys.push_back(
        absl::StrCat(common, first + i, shape.units < 4 ? "." : ""));
  }
  return result;
}

uint16_t GroupAt(const IpAddress::Bytes& bytes, size_t index) {
  return static_cast<uint16_t>(bytes[2 * index] << 8 | bytes[2 * index + 1]);
}

absl::Status Inexpressible() {
  return absl::InvalidArgumentError(
      "the addresses of rules cannot express this network: they are compared "
      "as text, in which \"::\" is any number of zero groups");
}

absl::StatusOr<TcpRuleNetwork> MakeV6(const net::Network& network) {
  const Shape shape = ShapeOf(network.bits, kGroupBits);
  IpAddress::Bytes bytes = network.address.bytes();
  TcpRuleNetwork result = {.widened_bits = shape.free_bits};
  std::string common;
  for (unsigned i = 0; i + 1 < shape.units; ++i) {
    const uint16_t group = GroupAt(bytes, i);
    if (group == 0 && shape.units < kGroups) {
      return Inexpressible();
    }
    absl::StrAppend(&common, absl::Hex(group), ":");
  }
  const unsigned first = GroupAt(bytes, shape.units - 1);
  for (unsigned i = 0; i < 1U << shape.free_bits; ++i) {
    const unsigned group = first + i;
    if (shape.units == kGroups) {
      bytes[14] = static_cast<uint8_t>(group >> 8);
      bytes[15] = static_cast<uint8_t>(group);
      std::string key = TcpRuleAddress(IpAddress(bytes));
      // For one zero group, this address alone begins like that.
      if (key.back() == ':' && GroupAt(bytes, kGroups - 2) == 0) {
        return Inexpressible();
      }
      result.keys.push_back(std::move(key));
      continue;
    }
    // A zero group is a part of "::", or is written "0" because another run of
    // zeros is longer.
    if (group == 0) {
      result.keys.push_back(common.empty() ? "::" : absl::StrCat(common, ":"));
    }
    result.keys.push_back(absl::StrCat(common, absl::Hex(group), ":"));
  }
  return result;
}

}  // namespace

absl::StatusOr<TcpRuleNetwork> MakeTcpRuleNetwork(const net::Network& network) {
  if (network.address.v4()) return MakeV4(network);
  return MakeV6(network);
}

}  // namespace postern::policy
