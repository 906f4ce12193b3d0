// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/surface/address_sets.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policy/rules/tcp_rule_key.h"

namespace postern::policy {
namespace {

constexpr size_t kGroups = 8;  // of 16 bits in an IPv6 address
constexpr unsigned kGroupBits = 16;
constexpr unsigned kAddressBits = 128;
constexpr uint32_t kLastV4 = 0xffffffff;

// The addresses from `first` to `last`.
struct Interval {
  uint32_t first = 0;
  uint32_t last = kLastV4;
};

IpAddress FromNumber(uint32_t number) {
  return IpAddress::V4(
      {static_cast<uint8_t>(number >> 24), static_cast<uint8_t>(number >> 16),
       static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)});
}

// Returns the IPv4 addresses that have `key`, a whole address or a prefix.
// nullopt: `key` is no IPv4 key.
std::optional<Interval> IntervalOf(absl::string_view key) {
  const std::vector<absl::string_view> octets = absl::StrSplit(key, '.');
  // "192.0.2." has an empty text at its end.
  const bool whole = !key.empty() && key.back() != '.';
  const size_t count = whole ? octets.size() : octets.size() - 1;
  if (count < 1 || count > 4 || (whole ? count != 4 : count == 4)) {
    return std::nullopt;
  }
  Interval interval{0, 0};
  for (size_t i = 0; i < 4; ++i) {
    uint32_t first = 0;
    uint32_t last = 0xff;
    if (i < count) {
      if (!absl::SimpleAtoi(octets[i], &first) || first > 0xff ||
          octets[i] != absl::StrCat(first)) {
        return std::nullopt;
      }
      last = first;
    }
    interval.first = interval.first << 8 | first;
    interval.last = interval.last << 8 | last;
  }
  return interval;
}

// The sets of the IPv4 keys are intervals without the intervals of longer keys.
// Two intervals are nested or disjoint.
class V4Sets {
 public:
  void Add(Interval interval, AddressSet* set) {
    intervals_.emplace_back(interval, set);
  }

  // Fills in AddressSet::v4 of all sets, and of `rest`.
  void Divide(AddressSet* rest) {
    std::sort(intervals_.begin(), intervals_.end(),
              [](const Nested& left, const Nested& right) {
                return std::make_tuple(left.first.first, ~left.first.last) <
                       std::make_tuple(right.first.first, ~right.first.last);
              });
    std::vector<Nested> open = {{Interval(), rest}};
    uint64_t next = 0;  // the first address that has no set yet
    const auto close = [&open, &next] {
      Give(open.back().second, next, open.back().first.last);
      next = uint64_t{open.back().first.last} + 1;
      open.pop_back();
    };
    for (const Nested& inner : intervals_) {
      while (inner.first.first > open.back().first.last) close();
      if (inner.first.first > next) {
        Give(open.back().second, next, inner.first.first - 1);
      }
      next = inner.first.first;
      open.push_back(inner);
    }
    while (!open.empty()) close();
  }

 private:
  using Nested = std::pair<Interval, AddressSet*>;

  static void Give(AddressSet* set, uint64_t first, uint32_t last) {
    if (first > last) return;
    set->v4.push_back(
        {FromNumber(static_cast<uint32_t>(first)), FromNumber(last)});
  }

  std::vector<Nested> intervals_;
};

// The keys of IPv6 addresses, which are compared as text. Finds the addresses
// of a prefix that have no longer key.
class V6Keys {
 public:
  // `keys` are sorted.
  explicit V6Keys(std::vector<std::string> keys)
      : sorted_(std::move(keys)), all_(sorted_.begin(), sorted_.end()) {}

  // Returns an address whose text begins with `prefix` and is longer, and that
  // has no key that is longer than `prefix`. Returns nullopt if there is none.
  // `prefix` is empty or ends in ':'.
  std::optional<IpAddress> FindAddress(absl::string_view prefix) const {
    if (prefix.empty()) {
      auto example = Try("2001:db8::1", prefix);
      if (example) return example;
    }
    return Search(std::string(prefix), prefix);
  }

  // Returns the next longer keys: see AddressSet::v6_except.
  std::vector<std::string> NextLonger(absl::string_view prefix) const {
    std::vector<std::string> longer;
    for (auto key = Begin(prefix); InRange(key, prefix);) {
      longer.push_back(*key);
      if (key->back() != ':') {
        ++key;
        continue;
      }
      // Skip what begins with this prefix: ';' follows ':'.
      std::string end = *key;
      end.back() = ';';
      key = std::lower_bound(key, sorted_.end(), end);
    }
    return longer;
  }

 private:
  using Iterator = std::vector<std::string>::const_iterator;

  // The keys that begin with `prefix` and are longer.
  Iterator Begin(absl::string_view prefix) const {
    return std::upper_bound(
        sorted_.begin(), sorted_.end(), prefix,
        [](absl::string_view left, absl::string_view right) {
          return left < right;
        });
  }
  bool InRange(Iterator key, absl::string_view prefix) const {
    return key != sorted_.end() && absl::StartsWith(*key, prefix);
  }

  // Returns the address with this text, if it belongs to `prefix`.
  std::optional<IpAddress> Try(absl::string_view text,
                               absl::string_view prefix) const {
    const std::optional<IpAddress> address = IpAddress::Parse(text);
    if (!address || address->v4() || TcpRuleAddress(*address) != text ||
        text.size() <= prefix.size() || all_.contains(text)) {
      return std::nullopt;
    }
    for (size_t size = text.size() - 1; size > prefix.size(); --size) {
      if (text[size - 1] == ':' && all_.contains(text.substr(0, size))) {
        return std::nullopt;
      }
    }
    return address;
  }

  // Returns an address of `prefix` whose text begins with `start`. No key
  // begins with `start`. Looks as IsTcpRuleKey() does: a run of zeros may have
  // ended, may begin, or may still follow.
  std::optional<IpAddress> Complete(absl::string_view start,
                                    absl::string_view prefix) const {
    std::string more;
    for (size_t i = 0; i < kGroups; ++i, more += "1:") {
      for (absl::string_view end : {"", "1", ":1", ":"}) {
        const auto address = Try(absl::StrCat(start, more, end), prefix);
        if (address) return address;
      }
    }
    return std::nullopt;
  }

  // The same for a `start` with which keys may begin. `start` is empty or ends
  // in ':', and no key that is longer than `prefix` is a prefix of it. The text
  // continues with a group, or with a ':' for a run of zeros. All groups that
  // occur in no key, except for 0, are alike.
  std::optional<IpAddress> Search(const std::string& start,
                                  absl::string_view prefix) const {
    std::set<std::string> used;  // what follows `start` in keys
    for (auto key = Begin(start); InRange(key, start); ++key) {
      const absl::string_view rest =
          absl::string_view(*key).substr(start.size());
      used.emplace(rest[0] == ':' ? ":" : rest.substr(0, rest.find(':')));
    }
    std::vector<std::string> fresh;
    for (unsigned group = 1; group <= 0xffff; ++group) {
      fresh.push_back(absl::StrCat(absl::Hex(group)));
      if (!used.contains(fresh.back())) break;
      fresh.pop_back();
    }
    for (absl::string_view other : {"0", ":"}) {
      if (!used.contains(std::string(other))) fresh.emplace_back(other);
    }
    for (const std::string& group : fresh) {
      auto address = Try(start + group, prefix);
      if (!address) address = Complete(Extend(start, group), prefix);
      if (address) return address;
    }
    for (const std::string& group : used) {
      auto address = Try(start + group, prefix);
      const std::string longer = Extend(start, group);
      if (!address && !all_.contains(longer)) {
        address = Search(longer, prefix);
      }
      if (address) return address;
    }
    return std::nullopt;
  }

  static std::string Extend(const std::string& start, absl::string_view group) {
    return absl::StrCat(start, group, group == ":" ? "" : ":");
  }

  const std::vector<std::string> sorted_;
  const absl::flat_hash_set<std::string> all_;
};

// Returns the network of the addresses whose text begins with `prefix`, if
// there is one: if a group is 0, it may be a part of a "::" elsewhere.
std::optional<net::Network> NetworkOf(absl::string_view prefix) {
  IpAddress::Bytes bytes = {};
  unsigned bits = 0;
  while (!prefix.empty()) {
    const size_t end = prefix.find(':');
    uint32_t group = 0;
    if (!absl::SimpleHexAtoi(prefix.substr(0, end), &group) || group == 0) {
      return std::nullopt;
    }
    bytes[bits / 8] = static_cast<uint8_t>(group >> 8);
    bytes[bits / 8 + 1] = static_cast<uint8_t>(group);
    bits += kGroupBits;
    prefix.remove_prefix(end + 1);
  }
  return net::Network{IpAddress(bytes), bits};
}

// Chooses an IPv4 address of `set`, if it has one: an example if possible.
std::optional<IpAddress> ChooseV4(const AddressSet& set) {
  if (set.v4.empty()) return std::nullopt;
  for (const uint32_t example : {0xc0000201U, 0xc6336401U, 0xcb007101U}) {
    const IpAddress address = FromNumber(example);
    for (const AddressRange& range : set.v4) {
      if (range.first.bytes() <= address.bytes() &&
          address.bytes() <= range.last.bytes()) {
        return address;
      }
    }
  }
  return set.v4.front().first;
}

}  // namespace

bool IsWholeAddress(absl::string_view key) {
  const std::optional<IpAddress> address = IpAddress::Parse(key);
  return address && TcpRuleAddress(*address) == key;
}

bool IsAddressPrefix(absl::string_view key) {
  return !key.empty() && (key.back() == '.' || key.back() == ':');
}

std::vector<WitnessedSet> MakeAddressSets(std::vector<std::string> keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<WitnessedSet> sets;
  sets.reserve(2 * keys.size() + 1);
  std::vector<std::string> texts;
  for (const std::string& key : keys) {
    for (const bool whole : {true, false}) {
      if (whole ? !IsWholeAddress(key) : !IsAddressPrefix(key)) continue;
      sets.emplace_back().set = {.key = key, .whole = whole};
    }
    if (absl::StrContains(key, ':')) texts.push_back(key);
  }
  AddressSet& rest = sets.emplace_back().set;

  V4Sets v4;
  const V6Keys v6(std::move(texts));
  for (WitnessedSet& witnessed : sets) {
    AddressSet& set = witnessed.set;
    if (set.key && !absl::StrContains(*set.key, ':')) {
      const std::optional<Interval> interval = IntervalOf(*set.key);
      if (interval) v4.Add(*interval, &set);
      continue;
    }
    if (set.whole) {
      set.v6 = true;
      set.v6_network = net::Network{*IpAddress::Parse(*set.key), kAddressBits};
      witnessed.witness = set.v6_network->address;
      continue;
    }
    const std::string prefix = set.key.value_or("");
    witnessed.witness = v6.FindAddress(prefix);
    set.v6 = witnessed.witness.has_value();
    set.v6_except = v6.NextLonger(prefix);
    set.v6_network = NetworkOf(prefix);
  }
  v4.Divide(&rest);
  for (WitnessedSet& witnessed : sets) {
    const std::optional<IpAddress> address = ChooseV4(witnessed.set);
    if (address) witnessed.witness = address;
  }
  return sets;
}

}  // namespace postern::policy
