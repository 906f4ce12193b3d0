// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The records in an answer of a resolver (RFC 1035 4.1).

#ifndef POSTERN_POLICY_NAMES_DNS_ANSWER_H_
#define POSTERN_POLICY_NAMES_DNS_ANSWER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern::policy {

struct DnsAnswer {
  enum Type : uint16_t {
    kA = 1,
    kCname = 5,
    kPtr = 12,
    kMx = 15,
    kTxt = 16,
    kAaaa = 28,
  };

  // The data of each record: the 4 or 16 octets of kA and kAaaa, or the name of
  // kPtr without the dot at its end. Within a label, a backslash precedes a dot
  // and the other special characters of a master file, and unprintable octets
  // become three digits (\010), so different names are different texts. For kMx
  // the preference, a blank and the name, as in a master file: "10 mx.example",
  // and "0 ." for a null MX (RFC 7505). For kTxt the character-strings of the
  // record, joined: any octets. The order is that of the answer. It has no
  // meaning: resolvers rotate it.
  std::vector<std::string> records;
  // The shortest time to live, in seconds, of these records and of the aliases
  // that led to them. 0 if there are no records, and 0 for a value with its
  // highest bit set (RFC 2181 8).
  uint32_t ttl = 0;

  // Reads the records of `type` and class IN in `message` that belong to the
  // name in its question, or to the target of its alias (CNAME; RFC 2317 uses
  // these in reverse zones), through at most 8 aliases. Records of other names
  // are ignored. Returns nullopt if `message` does not have exactly one
  // question, ends too early, or has a record of this type with invalid data.
  static std::optional<DnsAnswer> Parse(absl::string_view message, Type type);

  friend bool operator==(const DnsAnswer&, const DnsAnswer&) = default;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NAMES_DNS_ANSWER_H_
