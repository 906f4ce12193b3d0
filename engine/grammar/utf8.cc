// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/utf8.h"

#include <cstddef>
#include <cstring>

#include "engine/grammar/octets.h"

namespace postern {
namespace {

constexpr uint64_t kHighBits = kEachOctet * 0x80;

// Returns how many octets at the start of `text` are ASCII.
size_t AsciiPrefix(absl::string_view text) {
  size_t at = 0;
  uint64_t eight = 0;
  while (text.size() - at >= sizeof(eight)) {
    std::memcpy(&eight, text.data() + at, sizeof(eight));
    if ((eight & kHighBits) != 0) break;
    at += sizeof(eight);
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

// Returns the union of the bits that `look` returns for all words of eight
// octets of `text`. The last word overlaps the one before, or is filled up with
// spaces.
template <typename Look>
uint64_t InWords(absl::string_view text, Look look) {
  uint64_t eight = kEachOctet * ' ';
  if (text.empty()) return look(eight);
  if (text.size() < sizeof(eight)) {
    std::memcpy(&eight, text.data(), text.size());
    return look(eight);
  }
  const char* const last = text.data() + text.size() - sizeof(eight);
  std::memcpy(&eight, last, sizeof(eight));
  uint64_t found = look(eight);
  for (const char* at = text.data(); at < last; at += sizeof(eight)) {
    std::memcpy(&eight, at, sizeof(eight));
    found |= look(eight);
  }
  return found;
}

// What may follow a lead octet: RFC 3629 4. The limits of the second octet
// exclude overlong forms, surrogates and code points beyond U+10FFFF.
struct Lead {
  unsigned char first, last;
  size_t length;
  unsigned char low, high;
};
constexpr Lead kLeads[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f},
    {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

// Returns the length of the non-ASCII sequence at the start of `text`, which
// must not be empty. 0 if there is none.
size_t SequenceLength(absl::string_view text) {
  const auto octet = [text](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  for (const Lead& lead : kLeads) {
    if (octet(0) < lead.first || octet(0) > lead.last) continue;
    if (text.size() < lead.length) return 0;
    if (octet(1) < lead.low || octet(1) > lead.high) return 0;
    for (size_t i = 2; i < lead.length; ++i) {
      if (octet(i) < 0x80 || octet(i) > 0xbf) return 0;
    }
    return lead.length;
  }
  return 0;
}

}  // namespace

bool IsAscii(absl::string_view text) {
  return (InWords(text, [](uint64_t word) { return word; }) & kHighBits) == 0;
}

bool IsPrintableAscii(absl::string_view text) {
  // Sets the high bit of an octet that has it already, is below ' ', or is DEL.
  // A borrow comes only from an octet below ' ', and a carry only from an octet
  // with the high bit.
  const auto odd = [](uint64_t word) {
    return word | (word - kEachOctet * ' ') | (word + kEachOctet);
  };
  return (InWords(text, odd) & kHighBits) == 0;
}

bool IsUtf8(absl::string_view text) {
  while (true) {
    text.remove_prefix(AsciiPrefix(text));
    if (text.empty()) return true;
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
}

bool ContainsC1Controls(absl::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i - 1] == '\xc2' && (text[i] & '\xe0') == '\x80') return true;
  }
  return false;
}

}  // namespace postern
