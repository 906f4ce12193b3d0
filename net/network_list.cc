// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/network_list.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"

namespace postern::net {
namespace {

constexpr unsigned kAddressBits = 128;
constexpr unsigned kMappedBits = 96;  // the bits before an IPv4 address

// Returns the length of a network. It must have no leading zeros.
std::optional<unsigned> ParseLength(absl::string_view text) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  unsigned length = 0;
  for (char c : text) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
    length = 10 * length + static_cast<unsigned>(c - '0');
  }
  return length;
}

bool Bit(const IpAddress& address, unsigned index) {
  return (address.bytes()[index / 8] >> (7 - index % 8) & 1) != 0;
}

absl::Status Invalid(absl::string_view entry, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("network '", entry, "': ", why));
}

}  // namespace

absl::StatusOr<NetworkList> NetworkList::Parse(
    absl::Span<const std::string> entries) {
  NetworkList list;
  for (const std::string& entry : entries) {
    const absl::StatusOr<Network> network = Network::Parse(entry);
    if (!network.ok()) return network.status();
    list.networks_.push_back(*network);
  }
  return list;
}

bool NetworkList::Contains(const std::optional<IpAddress>& address) const {
  return address && std::any_of(networks_.begin(), networks_.end(),
                                [&](const Network& network) {
                                  return network.Contains(*address);
                                });
}

bool Network::Contains(const IpAddress& other) const {
  // As numbers, IPv4 addresses are in ::/80 and in all shorter networks.
  if (other.v4() != address.v4()) return false;
  const auto* const mine = address.bytes().data();
  const auto* const theirs = other.bytes().data();
  const unsigned octets = bits / 8;
  const unsigned rest = bits % 8;
  return std::equal(mine, mine + octets, theirs) &&
         (rest == 0 || (mine[octets] ^ theirs[octets]) >> (8 - rest) == 0);
}

absl::StatusOr<Network> Network::Parse(absl::string_view entry) {
  const size_t slash = entry.find('/');
  const absl::string_view text = entry.substr(0, slash);
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  if (!address) return Invalid(entry, "not an IP address");
  Network network = {*address, kAddressBits};
  if (slash == absl::string_view::npos) return network;
  // A mapped address has the form of IPv6, so its length counts as in IPv6.
  const bool dotted = text.find(':') == absl::string_view::npos;
  const unsigned longest = dotted ? kAddressBits - kMappedBits : kAddressBits;
  const std::optional<unsigned> length = ParseLength(entry.substr(slash + 1));
  if (!length || *length > longest) {
    return Invalid(
        entry, absl::StrCat("the length is not a number from 0 to ", longest));
  }
  network.bits = *length + kAddressBits - longest;
  for (unsigned i = network.bits; i < kAddressBits; ++i) {
    if (Bit(*address, i)) {
      return Invalid(entry, "the address has bits set after the length");
    }
  }
  return network;
}

}  // namespace postern::net
