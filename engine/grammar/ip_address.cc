// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/ip_address.h"

#include <cstddef>

#include "absl/strings/ascii.h"

namespace postern {

bool IsIpv4(absl::string_view text) {
  for (int octet = 0; octet < 4; ++octet) {
    size_t digits = 0;
    int value = 0;
    while (digits < text.size() && digits < 3 &&
           absl::ascii_isdigit(text[digits])) {
      value = 10 * value + (text[digits++] - '0');
    }
    if (digits == 0 || value > 255) return false;
    text.remove_prefix(digits);
    if (octet == 3) break;
    if (text.empty() || text[0] != '.') return false;
    text.remove_prefix(1);
  }
  return text.empty();
}

namespace {

// Returns whether `text` is an IPv6 address in which "::", if it is there,
// stands for `least_gap` groups at least.
bool IsIpv6With(int least_gap, absl::string_view text) {
  int groups = 0;
  bool gap = false;
  if (text.substr(0, 2) == "::") {
    gap = true;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (text.find('.') != absl::string_view::npos &&
        text.find(':') == absl::string_view::npos) {
      if (!IsIpv4(text)) return false;
      groups += 2;
      break;
    }
    size_t digits = 0;
    while (digits < text.size() && absl::ascii_isxdigit(text[digits])) {
      ++digits;
    }
    if (digits == 0 || digits > 4) return false;
    text.remove_prefix(digits);
    ++groups;
    if (text.empty()) break;
    if (text[0] != ':') return false;
    text.remove_prefix(1);
    if (text.empty()) return false;
    if (text[0] == ':') {
      if (gap) return false;
      gap = true;
      text.remove_prefix(1);
    }
  }
  return gap ? groups <= 8 - least_gap : groups == 8;
}

}  // namespace

bool IsIpv6(absl::string_view text) { return IsIpv6With(1, text); }

bool IsIpv6Literal(absl::string_view text) { return IsIpv6With(2, text); }

}  // namespace postern
