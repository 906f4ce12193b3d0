// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf/spf_macro.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern::policy {
namespace {

constexpr absl::string_view kLetters = "slodiphv";
constexpr absl::string_view kExplanationLetters = "slodiphvcrt";
constexpr absl::string_view kDelimiters = ".-+,/_=";

// An element of a macro string: a literal character, "%%", "%_", "%-", or
// "%{...}".
struct Element {
  char literal = 0;    // the character, or 0 for "%-" and "%{...}"
  bool macro = false;  // whether it begins with '%'
  char letter = 0;     // of "%{...}"
  size_t labels = 0;   // how many of the labels at the end; 0: all
  bool reversed = false;
  absl::string_view delimiters;  // empty: "."
};

bool IsLetter(char c, SpfMacroUse use) {
  return absl::StrContains(
      use == SpfMacroUse::kRecord ? kLetters : kExplanationLetters,
      absl::ascii_tolower(static_cast<unsigned char>(c)));
}

// Takes the element at the start of `text`. Returns nullopt if it is invalid.
std::optional<Element> TakeElement(absl::string_view* text, SpfMacroUse use) {
  Element element;
  const char first = text->front();
  text->remove_prefix(1);
  if (first != '%') {
    const bool visible = first > 0x20 && first < 0x7f;
    if (!visible && !(first == ' ' && use == SpfMacroUse::kExplanation)) {
      return std::nullopt;
    }
    element.literal = first;
    return element;
  }
  element.macro = true;
  if (text->empty()) return std::nullopt;
  const char second = text->front();
  text->remove_prefix(1);
  switch (second) {
    case '%':
      element.literal = '%';
      return element;
    case '_':
      element.literal = ' ';
      return element;
    case '-':
      return element;  // "%20", see ExpandSpfMacros()
    case '{':
      break;
    default:
      return std::nullopt;
  }
  if (text->empty() || !IsLetter(text->front(), use)) return std::nullopt;
  element.letter = text->front();
  text->remove_prefix(1);
  bool digits = false;
  while (!text->empty() &&
         absl::ascii_isdigit(static_cast<unsigned char>(text->front()))) {
    digits = true;
    // No name has more labels than this.
    element.labels =
        std::min<size_t>(element.labels * 10 + (text->front() - '0'), 1000);
    text->remove_prefix(1);
  }
  if (digits && element.labels == 0) return std::nullopt;
  if (!text->empty() &&
      absl::ascii_tolower(static_cast<unsigned char>(text->front())) == 'r') {
    element.reversed = true;
    text->remove_prefix(1);
  }
  size_t delimiters = text->find_first_not_of(kDelimiters);
  if (delimiters == absl::string_view::npos) return std::nullopt;
  element.delimiters = text->substr(0, delimiters);
  text->remove_prefix(delimiters);
  if (!absl::ConsumePrefix(text, "}")) return std::nullopt;
  return element;
}

// Applies the transformers of `element` (RFC 7208 7.3).
std::string Transform(const Element& element, absl::string_view value) {
  std::vector<absl::string_view> labels = absl::StrSplit(
      value,
      absl::ByAnyChar(element.delimiters.empty() ? "." : element.delimiters));
  if (element.reversed) std::reverse(labels.begin(), labels.end());
  if (element.labels != 0 && element.labels < labels.size()) {
    labels.erase(labels.begin(),
                 labels.end() - static_cast<std::ptrdiff_t>(element.labels));
  }
  return absl::StrJoin(labels, ".");
}

// Returns `text` with each octet escaped that is not unreserved (RFC 3986 2.3).
std::string UrlEscape(absl::string_view text) {
  constexpr absl::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(octet) || absl::StrContains("-._~", c)) {
      escaped += c;
    } else {
      escaped += '%';
      escaped += kHex[octet >> 4];
      escaped += kHex[octet & 0xf];
    }
  }
  return escaped;
}

}  // namespace

bool IsSpfMacroString(absl::string_view text, SpfMacroUse use) {
  while (!text.empty()) {
    if (!TakeElement(&text, use)) return false;
  }
  return true;
}

bool IsSpfDomainSpec(absl::string_view text) {
  // The literal characters after the last macro.
  absl::string_view tail = text;
  bool ends_in_macro = false;
  while (!text.empty()) {
    const std::optional<Element> element =
        TakeElement(&text, SpfMacroUse::kRecord);
    if (!element) return false;
    ends_in_macro = element->macro;
    if (element->macro) tail = text;
  }
  if (ends_in_macro) return true;
  absl::ConsumeSuffix(&tail, ".");
  const size_t dot = tail.rfind('.');
  if (dot == absl::string_view::npos) return false;
  const absl::string_view label = tail.substr(dot + 1);
  bool number = true;
  for (const char c : label) {
    const auto octet = static_cast<unsigned char>(c);
    if (!absl::ascii_isalnum(octet) && c != '-') return false;
    if (!absl::ascii_isdigit(octet)) number = false;
  }
  return !number && label.front() != '-' && label.back() != '-';
}

std::optional<std::string> ExpandSpfMacros(absl::string_view text,
                                           SpfMacroUse use,
                                           SpfMacroValue value) {
  std::string expanded;
  while (!text.empty()) {
    const std::optional<Element> element = TakeElement(&text, use);
    if (!element) break;
    if (element->letter != 0) {
      const std::optional<std::string> plain = value(
          absl::ascii_tolower(static_cast<unsigned char>(element->letter)));
      if (!plain) return std::nullopt;
      std::string transformed = Transform(*element, *plain);
      if (absl::ascii_isupper(static_cast<unsigned char>(element->letter))) {
        transformed = UrlEscape(transformed);
      }
      expanded += transformed;
    } else if (element->literal != 0) {
      expanded += element->literal;
    } else {
      expanded += "%20";
    }
    if (expanded.size() <= kMaxSpfExpansion) continue;
    if (use == SpfMacroUse::kExplanation) {
      expanded.resize(kMaxSpfExpansion);
      break;
    }
    expanded.erase(0, expanded.size() - kMaxSpfExpansion);
  }
  return expanded;
}

}  // namespace postern::policy
