// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/domain.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/grammar/utf8.h"

namespace postern {
namespace {

constexpr size_t kMaxDomain = 255;  // RFC 5321 4.5.3.1.2

// RFC 3492 5.
constexpr uint32_t kBase = 36;
constexpr uint32_t kMinThreshold = 1;
constexpr uint32_t kMaxThreshold = 26;
constexpr uint32_t kSkew = 38;
constexpr uint32_t kDamp = 700;
constexpr uint32_t kFirstBias = 72;
constexpr uint32_t kFirstCodePoint = 0x80;

// The code points of a label.
struct CodePoints {
  std::array<uint32_t, kMaxDomain> points;
  size_t size = 0;

  const uint32_t* begin() const { return points.data(); }
  const uint32_t* end() const { return points.data() + size; }
};

// Returns the code points of `label`, which is UTF-8 and no longer than a
// domain.
CodePoints Decode(absl::string_view label) {
  CodePoints out;
  for (const char c : label) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80) {
      out.points[out.size++] = octet;
    } else if (octet >= 0xc0) {  // the bits of a lead octet: RFC 3629 3
      out.points[out.size++] = octet & (octet < 0xe0   ? 0x1f
                                        : octet < 0xf0 ? 0x0f
                                                       : 0x07);
    } else {
      uint32_t& last = out.points[out.size - 1];
      last = (last << 6) | (octet & 0x3f);
    }
  }
  return out;
}

char Digit(uint32_t value) {
  return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

// RFC 3492 6.1.
uint32_t Adapt(uint32_t delta, uint32_t points, bool first) {
  delta /= first ? kDamp : 2;
  delta += delta / points;
  uint32_t k = 0;
  for (; delta > (kBase - kMinThreshold) * kMaxThreshold / 2; k += kBase) {
    delta /= kBase - kMinThreshold;
  }
  return k + (kBase - kMinThreshold + 1) * delta / (delta + kSkew);
}

// Appends `delta` as a generalized variable-length integer, RFC 3492 3.3.
void AppendDelta(uint32_t delta, uint32_t bias, std::string* out) {
  for (uint32_t k = kBase;; k += kBase) {
    const uint32_t threshold = k <= bias                   ? kMinThreshold
                               : k >= bias + kMaxThreshold ? kMaxThreshold
                                                           : k - bias;
    if (delta < threshold) break;
    out->push_back(
        Digit(threshold + (delta - threshold) % (kBase - threshold)));
    delta = (delta - threshold) / (kBase - threshold);
  }
  out->push_back(Digit(delta));
}

// Appends the A-label of `label`, which is UTF-8 and not ASCII: RFC 3492 6.3.
// No delta overflows: it is less than the number of code points, times that of
// the characters that there are, and kMaxDomain * 0x110000 is below 2^32.
void AppendALabel(absl::string_view label, std::string* out) {
  out->append("xn--");
  const CodePoints points = Decode(label);
  uint32_t handled = 0;
  for (const uint32_t point : points) {
    if (point >= kFirstCodePoint) continue;
    out->push_back(static_cast<char>(point));
    ++handled;
  }
  const uint32_t basic = handled;
  if (basic > 0) out->push_back('-');
  uint32_t delta = 0;
  uint32_t bias = kFirstBias;
  for (uint32_t least = kFirstCodePoint; handled < points.size; ++least) {
    uint32_t next = 0x110000;
    for (const uint32_t point : points) {
      if (point >= least) next = std::min(next, point);
    }
    delta += (next - least) * (handled + 1);
    least = next;
    for (const uint32_t point : points) {
      if (point < least) ++delta;
      if (point != least) continue;
      AppendDelta(delta, bias, out);
      ++handled;
      bias = Adapt(delta, handled, handled == basic + 1);
      delta = 0;
    }
    ++delta;
  }
}

}  // namespace

std::string AsciiDomain(absl::string_view domain) {
  std::string lower = absl::AsciiStrToLower(domain);
  if (IsAscii(lower) || lower.size() > kMaxDomain || !IsUtf8(lower)) {
    return lower;
  }
  std::string out;
  absl::string_view rest = lower;
  while (true) {
    const absl::string_view label = rest.substr(0, rest.find('.'));
    if (IsAscii(label)) {
      out.append(label.data(), label.size());
    } else {
      AppendALabel(label, &out);
    }
    if (label.size() == rest.size()) return out;
    out.push_back('.');
    rest.remove_prefix(label.size() + 1);
  }
}

bool EqualDomains(absl::string_view left, absl::string_view right) {
  if (IsAscii(left) && IsAscii(right)) {
    return absl::EqualsIgnoreCase(left, right);
  }
  return AsciiDomain(left) == AsciiDomain(right);
}

std::string AsciiAddress(absl::string_view address) {
  const size_t at = address.rfind('@');
  const size_t domain = at == absl::string_view::npos ? 0 : at + 1;
  return absl::AsciiStrToLower(address.substr(0, domain)) +
         AsciiDomain(address.substr(domain));
}

}  // namespace postern
