// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: in a message of any bytes, each address that is found is part of the
// message. In a message that was written with a chain of aliases, with
// addresses at its end, and with unrelated records in any order, exactly these
// addresses are found.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "fuzz/dns_message_writer.h"
#include "gtest/gtest.h"
#include "policy/names/dns_answer.h"

namespace postern::policy {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using Style = DnsMessageWriter::Style;
  FuzzedDataProvider input(data, size);
  if (input.ConsumeBool()) {
    const std::string any = input.ConsumeRemainingBytesAsString();
    const auto answer = DnsAnswer::Parse(any, DnsAnswer::kA);
    if (!answer) return 0;
    EXPECT_LE(answer->ttl, answer->records.empty() ? 0U : 0x7fffffffU);
    for (const std::string& record : answer->records) {
      EXPECT_EQ(record.size(), 4);
      EXPECT_TRUE(absl::StrContains(any, record));
    }
    return 0;
  }

  DnsMessageWriter writer;
  const auto name = [&](size_t n) {
    return DnsMessageWriter::Name(n, input.ConsumeEnum<Style>());
  };
  const auto add = [&](DnsMessageWriter::Record record) {
    record.ttl = input.ConsumeIntegralInRange<uint32_t>(0, 0x7fffffff);
    const auto at =
        input.ConsumeIntegralInRange<size_t>(0, writer.records.size());
    writer.records.insert(writer.records.begin() + static_cast<long>(at),
                          std::move(record));
  };
  const auto aliases = input.ConsumeIntegralInRange<size_t>(0, 8);
  for (size_t i = 0; i < aliases; ++i) {
    add({.owner = name(i), .type = DnsAnswer::kCname, .data = name(i + 1)});
  }
  uint32_t ttl = 0x7fffffff;
  for (const auto& record : writer.records) ttl = std::min(ttl, record.ttl);
  while (input.remaining_bytes() > 0 && writer.records.size() < 100) {
    const auto kind = input.ConsumeIntegralInRange(0, 3);
    const bool wanted = kind == 0;
    add({.owner = name(kind == 1 ? 20 : aliases),
         .type = static_cast<uint16_t>(kind == 2 ? 16 : 1),
         .klass = static_cast<uint16_t>(kind == 3 ? 3 : 1),
         .data = wanted ? (input.ConsumeBytesAsString(4) + "1234").substr(0, 4)
                        : input.ConsumeRandomLengthString(40),
         .wanted = wanted});
  }

  DnsAnswer want;
  for (const auto& record : writer.records) {
    if (!record.wanted) continue;
    want.records.push_back(record.data);
    ttl = std::min(ttl, record.ttl);
  }
  if (!want.records.empty()) want.ttl = ttl;
  EXPECT_EQ(DnsAnswer::Parse(writer.Message(), DnsAnswer::kA), want);
  return 0;
}

}  // namespace postern::policy
