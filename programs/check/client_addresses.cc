// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/client_addresses.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "engine/grammar/ip_address.h"
#include "net/network_list.h"

namespace postern::programs {
namespace {

net::AddressSet AllV4() {
  return net::AddressSet(net::Network{IpAddress::V4({0, 0, 0, 0}), 96});
}

// Returns the address with this text, or no address.
net::AddressSet AddressOf(absl::string_view text) {
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  if (!address) return net::AddressSet();
  return net::AddressSet({net::AddressRange{*address, *address}});
}

// Returns the IPv6 addresses of `set` and of all longer keys. Returns nullopt
// if ranges cannot express them.
std::optional<net::AddressSet> Base(const policy::AddressSet& set) {
  if (!set.key) return net::AddressSet::All().Minus(AllV4());
  if (set.whole) return AddressOf(*set.key);
  if (!set.v6_network) return std::nullopt;
  return net::AddressSet(*set.v6_network).Minus(AddressOf(*set.key));
}

// Returns the smallest network that contains all addresses whose text begins
// with `prefix`: "2001:db8::" is followed by a group that is zero.
net::AddressSet AroundPrefix(absl::string_view prefix) {
  const size_t run = prefix.find("::");
  std::vector<absl::string_view> groups =
      absl::StrSplit(prefix.substr(0, run), ':', absl::SkipEmpty());
  if (run != absl::string_view::npos) groups.push_back("0");
  IpAddress::Bytes bytes = {};
  size_t used = 0;
  for (const absl::string_view group : groups) {
    uint32_t value = 0;
    if (used + 2 > bytes.size() || !absl::SimpleHexAtoi(group, &value)) break;
    bytes[used++] = static_cast<uint8_t>(value >> 8);
    bytes[used++] = static_cast<uint8_t>(value);
  }
  return net::AddressSet(
      net::Network{IpAddress(bytes), static_cast<unsigned>(8 * used)});
}

}  // namespace

ClientAddresses::ClientAddresses(const policy::Surface& surface)
    : sets_(surface.addresses) {
  for (size_t i = 0; i < sets_.size(); ++i) {
    if (sets_[i].key && !sets_[i].whole) prefixes_.emplace(*sets_[i].key, i);
  }
}

void ClientAddresses::Add(size_t index, std::vector<net::AddressRange>* ranges,
                          std::vector<TextPrefix>* prefixes) const {
  const policy::AddressSet& set = sets_[index];
  for (const policy::AddressRange& range : set.v4) {
    ranges->push_back({range.first, range.last});
  }
  if (!set.v6) return;
  std::optional<net::AddressSet> v6 = Base(set);
  for (const std::string& except : set.v6_except) {
    if (!v6) break;
    const std::optional<net::AddressSet> other = Taken(except);
    v6 = other ? std::optional(v6->Minus(*other)) : std::nullopt;
  }
  if (!v6) {
    prefixes->push_back({set.key.value_or(""), set.v6_except});
    return;
  }
  for (const net::AddressRange& range : v6->Ranges()) {
    ranges->push_back(range);
  }
}

net::AddressSet ClientAddresses::Around(size_t index) const {
  const policy::AddressSet& set = sets_[index];
  std::vector<net::AddressRange> ranges;
  for (const policy::AddressRange& range : set.v4) {
    ranges.push_back({range.first, range.last});
  }
  const net::AddressSet v4 = net::AddressSet(ranges);
  if (!set.v6) return v4;
  std::optional<net::AddressSet> base = Base(set);
  net::AddressSet v6 = base ? *base : AroundPrefix(set.key.value_or(""));
  for (const std::string& except : set.v6_except) {
    const std::optional<net::AddressSet> other = Taken(except);
    if (other) v6 = v6.Minus(*other);
  }
  return v4.Union(v6);
}

std::optional<net::AddressSet> ClientAddresses::Taken(
    const std::string& except) const {
  const net::AddressSet address = AddressOf(except);
  if (!absl::EndsWith(except, ":")) return address;
  const auto found = prefixes_.find(except);
  if (found == prefixes_.end()) return std::nullopt;
  const std::optional<net::AddressSet> longer = Base(sets_[found->second]);
  if (!longer) return std::nullopt;
  return longer->Union(address);
}

}  // namespace postern::programs
