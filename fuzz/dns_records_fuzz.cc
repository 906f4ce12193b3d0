// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: in a message of any bytes, an MX record that is found is a preference
// and a name, and the texts of all TXT records, each with its length octet, are
// shorter than the message: no octet is read twice or beyond its record.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "policy/names/dns_answer.h"

namespace postern::policy {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string any(reinterpret_cast<const char*>(data), size);
  if (const auto mx = DnsAnswer::Parse(any, DnsAnswer::kMx)) {
    for (const std::string& record : mx->records) {
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(record, absl::MaxSplits(' ', 1));
      int preference = -1;
      EXPECT_TRUE(absl::SimpleAtoi(parts.first, &preference));
      EXPECT_TRUE(preference >= 0 && preference <= 0xffff);
      EXPECT_FALSE(parts.second.empty());
    }
  }
  if (const auto txt = DnsAnswer::Parse(any, DnsAnswer::kTxt)) {
    size_t octets = 0;
    for (const std::string& record : txt->records) octets += record.size() + 1;
    EXPECT_LE(octets, size);
  }
  return 0;
}

}  // namespace postern::policy
