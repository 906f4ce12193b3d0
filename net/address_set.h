// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Sets of IP addresses, as ranges: for reports about which clients have a
// right, and for comparing two such reports.
//
// As in network_list.h, IPv4-mapped IPv6 addresses are IPv4 addresses. So the
// IPv6 network ::/0 contains no IPv4 address.

#ifndef POSTERN_NET_ADDRESS_SET_H_
#define POSTERN_NET_ADDRESS_SET_H_

#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"
#include "net/network_list.h"

namespace postern::net {

// The addresses from `first` to `last`, both included. Both have the same
// family, and `first` is not greater than `last`.
struct AddressRange {
  IpAddress first;
  IpAddress last;
};

// A value type. The ranges are sorted, disjoint, and as few as possible: two
// sets are equal if they contain the same addresses.
class AddressSet {
 public:
  // Contains no address.
  AddressSet() = default;
  // Contains the addresses of all `ranges`, which may overlap. O(n log n).
  explicit AddressSet(absl::Span<const AddressRange> ranges);
  // Contains the addresses of `network`.
  explicit AddressSet(const Network& network);
  // Contains every IPv4 and IPv6 address.
  static AddressSet All();
  // Parses a network or an address, as in network_list.h, or a range of two
  // addresses of one family: "192.0.2.1-192.0.2.9". The error quotes `text`.
  static absl::StatusOr<AddressSet> Parse(absl::string_view text);

  // O(n log n) in the sizes of both sets.
  AddressSet Union(const AddressSet& other) const;
  AddressSet Minus(const AddressSet& other) const;
  AddressSet Intersection(const AddressSet& other) const;

  // Returns the ranges, IPv4 first, in ascending order. An IPv6 range may
  // extend over ::ffff:0:0/96, whose numbers are IPv4 addresses and not members
  // of it.
  std::vector<AddressRange> Ranges() const;

  bool empty() const { return v4_.empty() && v6_.empty(); }
  // O(log n).
  bool Contains(const IpAddress& address) const;

  // Returns texts for Parse() that together are this set, IPv4 first, in
  // ascending order. A range is written as its networks if these are at most
  // four, and as FIRST-LAST otherwise.
  std::vector<std::string> Texts() const;

  friend bool operator==(const AddressSet&, const AddressSet&) = default;

 private:
  struct Interval {
    absl::uint128 first = 0;
    absl::uint128 last = 0;  // included

    friend bool operator==(const Interval&, const Interval&) = default;
  };
  using Intervals = std::vector<Interval>;

  static void Normalize(Intervals* intervals, bool v6);
  static Intervals Subtract(const Intervals& from, const Intervals& what);

  // IPv6 intervals do not begin or end between ::ffff:0:0 and ::ffff:ffff:ffff.
  // They may extend over these numbers, which are the IPv4 addresses and are no
  // members because of that.
  Intervals v4_;
  Intervals v6_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_ADDRESS_SET_H_
