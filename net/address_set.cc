// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/address_set.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace postern::net {
namespace {

using absl::uint128;

constexpr unsigned kAddressBits = 128;
constexpr unsigned kMappedBits = 96;
constexpr size_t kMostNetworks = 4;  // of a range, in Texts()
constexpr uint128 kMaxAddress = absl::Uint128Max();
// The first and the last number of an IPv4 address: ::ffff:0:0/96.
constexpr uint128 kFirstV4 = absl::MakeUint128(0, 0xffff00000000);
constexpr uint128 kLastV4 = absl::MakeUint128(0, 0xffffffffffff);

uint128 Number(const IpAddress& address) {
  uint128 number = 0;
  for (const uint8_t octet : address.bytes()) number = number << 8 | octet;
  return number;
}

IpAddress Address(uint128 number) {
  IpAddress::Bytes bytes;
  for (size_t i = bytes.size(); i-- > 0; number >>= 8) {
    bytes[i] = static_cast<uint8_t>(absl::Uint128Low64(number) & 0xff);
  }
  return IpAddress(bytes);
}

bool IsV4(uint128 number) { return number >= kFirstV4 && number <= kLastV4; }

// Returns the last address of a network that begins at `first`.
uint128 LastOf(uint128 first, unsigned bits) {
  return bits == kAddressBits ? first : first | kMaxAddress >> bits;
}

// Appends the networks of the range to `texts`, or the range itself if there
// are too many networks.
void AppendTexts(uint128 first, uint128 last, std::vector<std::string>* texts) {
  const bool v4 = IsV4(first) && IsV4(last);
  const unsigned shortest = v4 ? kMappedBits : 0;
  const size_t before = texts->size();
  uint128 next = first;
  while (texts->size() - before <= kMostNetworks) {
    // The largest network that begins at `next` and is within the range.
    unsigned bits = kAddressBits;
    while (bits > shortest && (next & kMaxAddress >> (bits - 1)) == 0 &&
           LastOf(next, bits - 1) <= last) {
      --bits;
    }
    std::string text = Address(next).ToString();
    if (bits < kAddressBits) absl::StrAppend(&text, "/", bits - shortest);
    texts->push_back(std::move(text));
    if (LastOf(next, bits) == last) return;
    next = LastOf(next, bits) + 1;
    // A network that begins with an IPv4 address would be an IPv4 network.
    if (!v4 && IsV4(next)) break;
  }
  texts->resize(before);
  texts->push_back(
      absl::StrCat(Address(first).ToString(), "-", Address(last).ToString()));
}

}  // namespace

AddressSet::AddressSet(absl::Span<const AddressRange> ranges) {
  for (const AddressRange& range : ranges) {
    (range.first.v4() ? v4_ : v6_)
        .push_back({Number(range.first), Number(range.last)});
  }
  Normalize(&v4_, /*v6=*/false);
  Normalize(&v6_, /*v6=*/true);
}

AddressSet::AddressSet(const Network& network) {
  const uint128 first = Number(network.address);
  (network.address.v4() ? v4_ : v6_)
      .push_back({first, LastOf(first, network.bits)});
  Normalize(&v6_, /*v6=*/true);
}

AddressSet AddressSet::All() {
  AddressSet all;
  all.v4_ = {{kFirstV4, kLastV4}};
  all.v6_ = {{0, kMaxAddress}};
  return all;
}

void AddressSet::Normalize(Intervals* intervals, bool v6) {
  std::sort(intervals->begin(), intervals->end(),
            [](const Interval& left, const Interval& right) {
              return left.first < right.first;
            });
  Intervals merged;
  for (Interval each : *intervals) {
    if (v6) {
      if (IsV4(each.first)) each.first = kLastV4 + 1;
      if (IsV4(each.last)) each.last = kFirstV4 - 1;
      if (each.first > each.last) continue;
    }
    const bool touches =
        !merged.empty() && (merged.back().last == kMaxAddress ||
                            each.first <= merged.back().last + 1 ||
                            (v6 && merged.back().last == kFirstV4 - 1 &&
                             each.first == kLastV4 + 1));
    if (touches) {
      merged.back().last = std::max(merged.back().last, each.last);
    } else {
      merged.push_back(each);
    }
  }
  *intervals = std::move(merged);
}

absl::StatusOr<AddressSet> AddressSet::Parse(absl::string_view text) {
  const size_t dash = text.find('-');
  if (dash == absl::string_view::npos) {
    const absl::StatusOr<Network> network = Network::Parse(text);
    if (!network.ok()) return network.status();
    return AddressSet(*network);
  }
  const std::optional<IpAddress> first = IpAddress::Parse(text.substr(0, dash));
  const std::optional<IpAddress> last = IpAddress::Parse(text.substr(dash + 1));
  const auto invalid = [&text](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("range '", text, "': ", why));
  };
  if (!first || !last) return invalid("not two IP addresses");
  if (first->v4() != last->v4()) {
    return invalid("one address is IPv4 and the other one IPv6");
  }
  if (Number(*last) < Number(*first)) {
    return invalid("the last address is before the first one");
  }
  return AddressSet({AddressRange{*first, *last}});
}

AddressSet AddressSet::Union(const AddressSet& other) const {
  AddressSet both = *this;
  both.v4_.insert(both.v4_.end(), other.v4_.begin(), other.v4_.end());
  both.v6_.insert(both.v6_.end(), other.v6_.begin(), other.v6_.end());
  Normalize(&both.v4_, /*v6=*/false);
  Normalize(&both.v6_, /*v6=*/true);
  return both;
}

AddressSet::Intervals AddressSet::Subtract(const Intervals& from,
                                           const Intervals& what) {
  Intervals left;
  if (from.empty()) return left;
  // The first of `what` that may overlap.
  size_t next = static_cast<size_t>(
      std::lower_bound(what.begin(), what.end(), from.front().first,
                       [](const Interval& each, uint128 first) {
                         return each.last < first;
                       }) -
      what.begin());
  for (Interval each : from) {
    while (next < what.size() && what[next].last < each.first) ++next;
    bool empty = false;
    for (size_t i = next; i < what.size() && what[i].first <= each.last; ++i) {
      if (what[i].first > each.first) {
        left.push_back({each.first, what[i].first - 1});
      }
      if (what[i].last >= each.last) {
        empty = true;
        break;
      }
      each.first = what[i].last + 1;
      next = i;
    }
    if (!empty) left.push_back(each);
  }
  return left;
}

AddressSet AddressSet::Minus(const AddressSet& other) const {
  AddressSet left;
  left.v4_ = Subtract(v4_, other.v4_);
  left.v6_ = Subtract(v6_, other.v6_);
  Normalize(&left.v6_, /*v6=*/true);
  return left;
}

AddressSet AddressSet::Intersection(const AddressSet& other) const {
  return Minus(Minus(other));
}

bool AddressSet::Contains(const IpAddress& address) const {
  const Intervals& intervals = address.v4() ? v4_ : v6_;
  const uint128 number = Number(address);
  const auto after = std::upper_bound(
      intervals.begin(), intervals.end(), number,
      [](uint128 value, const Interval& each) { return value < each.first; });
  return after != intervals.begin() && number <= std::prev(after)->last;
}

std::vector<AddressRange> AddressSet::Ranges() const {
  std::vector<AddressRange> ranges;
  ranges.reserve(v4_.size() + v6_.size());
  for (const Intervals* intervals : {&v4_, &v6_}) {
    for (const Interval& each : *intervals) {
      ranges.push_back({Address(each.first), Address(each.last)});
    }
  }
  return ranges;
}

std::vector<std::string> AddressSet::Texts() const {
  std::vector<std::string> texts;
  for (const Interval& each : v4_) AppendTexts(each.first, each.last, &texts);
  for (const Interval& each : v6_) AppendTexts(each.first, each.last, &texts);
  return texts;
}

}  // namespace postern::net
