// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/dns.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace postern::policy {

std::string ReversedLabels(const IpAddress& address) {
  constexpr absl::string_view kDigits = "0123456789abcdef";
  const auto& bytes = address.bytes();
  std::string labels;
  if (address.v4()) {
    for (size_t i = 16; i-- > 12;) absl::StrAppend(&labels, bytes[i], ".");
    return labels;
  }
  for (size_t i = 16; i-- > 0;) {
    for (const int nibble : {bytes[i] & 0xf, bytes[i] >> 4}) {
      labels += kDigits[static_cast<size_t>(nibble)];
      labels += '.';
    }
  }
  return labels;
}

}  // namespace postern::policy
