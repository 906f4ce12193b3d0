// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Writes answers to the question "a.example A" (RFC 1035 4.1).

#ifndef POSTERN_FUZZ_DNS_MESSAGE_WRITER_H_
#define POSTERN_FUZZ_DNS_MESSAGE_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace postern::policy {

struct DnsMessageWriter {
  enum class Style : uint8_t {
    kPlain,
    kCapitals,
    kSuffix,
    kPointer,
    kMaxValue
  };

  static std::string Number(size_t n) {
    return {static_cast<char>(n >> 8), static_cast<char>(n)};
  }

  // Writes a.example for 0, b.example for 1 and so on. Compressed names point
  // to the question: its name begins at octet 12, and its suffix at 14.
  static std::string Name(size_t n, Style style) {
    const std::string letter(1, static_cast<char>('a' + n));
    switch (style) {
      case Style::kPlain:
      case Style::kMaxValue:
        break;
      case Style::kCapitals:
        return absl::StrCat("\1", std::string(1, static_cast<char>('A' + n)),
                            "\7EXAMPLE", std::string(1, '\0'));
      case Style::kPointer:
        if (n == 0) return "\xc0\x0c";
        [[fallthrough]];
      case Style::kSuffix:
        return absl::StrCat("\1", letter, "\xc0\x0e");
    }
    return absl::StrCat("\1", letter, "\7example", std::string(1, '\0'));
  }

  struct Record {
    std::string owner;
    uint16_t type = 1;
    uint16_t klass = 1;
    uint32_t ttl = 0;
    std::string data;
    bool wanted = false;  // an address that is part of the answer
  };

  std::string Message() const {
    std::string message = absl::StrCat(
        "id", Number(0x8180), Number(1), Number(records.size()), Number(0),
        Number(0), Name(0, Style::kPlain), Number(1), Number(1));
    for (const Record& record : records) {
      absl::StrAppend(&message, record.owner, Number(record.type),
                      Number(record.klass), Number(record.ttl >> 16),
                      Number(record.ttl & 0xffff), Number(record.data.size()),
                      record.data);
    }
    return message;
  }

  std::vector<Record> records;
};

}  // namespace postern::policy

#endif  // POSTERN_FUZZ_DNS_MESSAGE_WRITER_H_
