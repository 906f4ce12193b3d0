// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/xtext.h"

#include "absl/strings/ascii.h"

namespace postern {
namespace {

constexpr absl::string_view kHex = "0123456789ABCDEF";

// RFC 3461 4: an xchar is not encoded.
bool IsXchar(char c) { return absl::ascii_isgraph(c) && c != '+' && c != '='; }

}  // namespace

std::optional<std::string> DecodeXtext(absl::string_view xtext) {
  std::string out;
  for (size_t i = 0; i < xtext.size(); ++i) {
    if (IsXchar(xtext[i])) {
      out += xtext[i];
      continue;
    }
    if (xtext[i] != '+' || xtext.size() - i < 3) return std::nullopt;
    const size_t high = kHex.find(xtext[++i]);
    const size_t low = kHex.find(xtext[++i]);
    if (high == absl::string_view::npos || low == absl::string_view::npos) {
      return std::nullopt;
    }
    out += static_cast<char>(16 * high + low);
  }
  return out;
}

std::optional<std::string> DecodePrintableXtext(absl::string_view xtext) {
  std::optional<std::string> out = DecodeXtext(xtext);
  if (!out) return std::nullopt;
  for (char c : *out) {
    if (!absl::ascii_isprint(c) && c != '\t') return std::nullopt;
  }
  return out;
}

std::string EncodeXtext(absl::string_view octets) {
  std::string out;
  for (char c : octets) {
    if (IsXchar(c)) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '+';
    out += kHex[octet / 16];
    out += kHex[octet % 16];
  }
  return out;
}

}  // namespace postern
