// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/orcpt.h"

#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/grammar/xtext.h"

namespace postern {
namespace {

// addr-type is an atom of RFC 822. A parameter value cannot contain '='.
bool IsAtom(absl::string_view text) {
  constexpr absl::string_view kSpecials = "()<>@,;:\\\".[]=";
  for (char c : text) {
    if (!absl::ascii_isgraph(c)) return false;
    if (kSpecials.find(c) != absl::string_view::npos) return false;
  }
  return !text.empty();
}

// Removes the hexadecimal digits of an EmbeddedUnicodeChar, RFC 6533 3, and its
// '}' from `text`. Accepts only characters that an address may contain, and of
// ASCII only those that must be encoded.
bool TakeHexpoint(absl::string_view* text) {
  const absl::string_view digits = text->substr(0, text->find('}'));
  if (digits.size() == text->size()) return false;
  if (digits.size() < 2 || digits.size() > 6) return false;
  if (digits.size() > 2 && digits.front() == '0') return false;
  uint32_t point = 0;
  for (char c : digits) {
    if (!absl::ascii_isxdigit(c)) return false;
    const int digit =
        absl::ascii_isdigit(c) ? c - '0' : absl::ascii_toupper(c) - 'A' + 10;
    point = 16 * point + static_cast<uint32_t>(digit);
  }
  text->remove_prefix(digits.size() + 1);
  if (point < 0x80) {
    return point == ' ' || point == '+' || point == '=' || point == '\\';
  }
  return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

// utf-8-addr-xtext or, with Utf8::kYes, utf-8-addr-unitext.
bool IsUtf8Address(absl::string_view text, Utf8 utf8) {
  if (text.empty() || !IsUtf8(text) || ContainsC1Controls(text)) return false;
  if (utf8 == Utf8::kNo && !IsAscii(text)) return false;
  while (!text.empty()) {
    const char c = text.front();
    if (absl::ConsumePrefix(&text, "\\x{")) {
      if (!TakeHexpoint(&text)) return false;
      continue;
    }
    if (c == '\\' || c == '+' || c == '=') return false;
    if (absl::ascii_isascii(c) && !absl::ascii_isgraph(c)) return false;
    text.remove_prefix(1);
  }
  return true;
}

bool IsUtf8Type(absl::string_view type) {
  return absl::EqualsIgnoreCase(type, "utf-8");
}

}  // namespace

std::optional<Orcpt> ParseOrcpt(absl::string_view value, Utf8 utf8) {
  const size_t semicolon = value.find(';');
  if (semicolon == absl::string_view::npos || value.size() > kMaxOrcpt) {
    return std::nullopt;
  }
  const absl::string_view type = value.substr(0, semicolon);
  const absl::string_view address = value.substr(semicolon + 1);
  if (!IsAtom(type) || address.empty()) return std::nullopt;
  if (IsUtf8Type(type)) {
    if (!IsUtf8Address(address, utf8)) return std::nullopt;
    return Orcpt{std::string(type), std::string(address)};
  }
  std::optional<std::string> decoded = DecodePrintableXtext(address);
  if (!decoded) return std::nullopt;
  return Orcpt{std::string(type), *std::move(decoded)};
}

std::string FormatOrcpt(const Orcpt& orcpt) {
  return absl::StrCat(
      orcpt.type, ";",
      IsUtf8Type(orcpt.type) ? orcpt.address : EncodeXtext(orcpt.address));
}

}  // namespace postern
