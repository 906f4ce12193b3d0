// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/ip_address.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace postern {
namespace {

constexpr size_t kOctets = 16;
constexpr size_t kGroups = 8;

// The first octets of an IPv4-mapped IPv6 address: ::ffff:0:0/96.
constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0,    0,
                                             0, 0, 0, 0, 0xff, 0xff};

enum class LeadingZeros : uint8_t { kRefused, kAllowed };

// Parses four numbers from 0 to 255 into `out`.
bool ReadIpv4(absl::string_view text, LeadingZeros zeros, uint8_t* out) {
  for (int octet = 0; octet < 4; ++octet) {
    size_t digits = 0;
    int value = 0;
    while (digits < text.size() && digits < 3 &&
           absl::ascii_isdigit(text[digits])) {
      value = 10 * value + (text[digits++] - '0');
    }
    if (digits == 0 || value > 255) return false;
    if (zeros == LeadingZeros::kRefused && digits > 1 && text[0] == '0') {
      return false;
    }
    out[octet] = static_cast<uint8_t>(value);
    text.remove_prefix(digits);
    if (octet == 3) break;
    if (text.empty() || text[0] != '.') return false;
    text.remove_prefix(1);
  }
  return text.empty();
}

uint16_t HexDigit(char c) {
  return static_cast<uint16_t>(
      absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10);
}

// Parses an IPv6 address (RFC 4291 2.2), in which "::" replaces at least
// `least_gap` groups, and whose end may be an IPv4 address.
bool ReadIpv6(absl::string_view text, size_t least_gap, LeadingZeros zeros,
              IpAddress::Bytes* out) {
  size_t size = 0;            // octets parsed so far
  std::optional<size_t> gap;  // the octet before which "::" is
  std::array<uint8_t, kOctets + 4>
      bytes;  // room for one IPv4 address beyond the end
  if (absl::ConsumePrefix(&text, "::")) gap = 0;
  while (!text.empty()) {
    if (size >= kOctets) return false;
    if (absl::StrContains(text, '.') && !absl::StrContains(text, ':')) {
      if (!ReadIpv4(text, zeros, bytes.data() + size)) return false;
      size += 4;
      break;
    }
    uint16_t group = 0;
    size_t digits = 0;
    while (digits < text.size() && absl::ascii_isxdigit(text[digits])) {
      if (digits == 4) return false;
      group = static_cast<uint16_t>(group << 4 | HexDigit(text[digits++]));
    }
    if (digits == 0) return false;
    bytes[size++] = static_cast<uint8_t>(group >> 8);
    bytes[size++] = static_cast<uint8_t>(group);
    text.remove_prefix(digits);
    if (text.empty()) break;
    if (text[0] != ':') return false;
    text.remove_prefix(1);
    if (text.empty()) return false;
    if (text[0] == ':') {
      if (gap) return false;
      gap = size;
      text.remove_prefix(1);
    }
  }
  if (gap ? size + 2 * least_gap > kOctets : size != kOctets) return false;
  out->fill(0);
  const size_t head = gap.value_or(size);
  std::copy_n(bytes.begin(), head, out->begin());
  std::copy(bytes.begin() + head, bytes.begin() + size,
            out->end() - (size - head));
  return true;
}

// A run of zero groups.
struct Run {
  size_t begin = 0;
  size_t size = 0;
};

Run LongestZeros(const std::array<uint16_t, kGroups>& groups) {
  Run longest;
  for (size_t i = 0; i < kGroups; ++i) {
    Run run = {.begin = i};
    while (i < kGroups && groups[i] == 0) ++run.size, ++i;
    if (run.size > longest.size) longest = run;
  }
  return longest;
}

}  // namespace

IpAddress IpAddress::V4(const std::array<uint8_t, 4>& octets) {
  Bytes bytes;
  std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  std::copy(octets.begin(), octets.end(), bytes.begin() + kMapped.size());
  return IpAddress(bytes);
}

std::optional<IpAddress> IpAddress::Parse(absl::string_view text) {
  std::array<uint8_t, 4> octets;
  if (ReadIpv4(text, LeadingZeros::kRefused, octets.data())) return V4(octets);
  Bytes bytes;
  if (ReadIpv6(text, 1, LeadingZeros::kRefused, &bytes)) {
    return IpAddress(bytes);
  }
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::ParseLiteral(absl::string_view text) {
  constexpr absl::string_view kTag = "IPv6:";
  if (absl::StartsWithIgnoreCase(text, kTag)) {
    Bytes bytes;
    if (ReadIpv6(text.substr(kTag.size()), 2, LeadingZeros::kAllowed, &bytes)) {
      return IpAddress(bytes);
    }
    return std::nullopt;
  }
  std::array<uint8_t, 4> octets;
  if (ReadIpv4(text, LeadingZeros::kAllowed, octets.data())) return V4(octets);
  return std::nullopt;
}

bool IpAddress::v4() const {
  return std::equal(kMapped.begin(), kMapped.end(), bytes_.begin());
}

std::string IpAddress::ToString(size_t shortest_run) const {
  if (v4()) {
    return absl::StrCat(bytes_[12], ".", bytes_[13], ".", bytes_[14], ".",
                        bytes_[15]);
  }
  std::array<uint16_t, kGroups> groups;
  for (size_t i = 0; i < kGroups; ++i) {
    groups[i] = static_cast<uint16_t>(bytes_[2 * i] << 8 | bytes_[2 * i + 1]);
  }
  const Run zeros = LongestZeros(groups);
  std::string text;
  for (size_t i = 0; i < kGroups;) {
    if (zeros.size >= shortest_run && i == zeros.begin) {
      text += "::";
      i += zeros.size;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    absl::StrAppend(&text, absl::Hex(groups[i++]));
  }
  return text;
}

std::string ToString(const std::optional<IpAddress>& address) {
  return address ? address->ToString() : std::string();
}

}  // namespace postern
