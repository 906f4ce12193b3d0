// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a resolver's answer (RFC 1035 4.1) says to the question in it.

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
    kAaaa = 28,
  };

  // The data of each record: of kA and kAaaa the 4 or 16 octets, of kPtr the
  // name without the dot at its end. In a label, a dot and what else means
  // something in a master file have a backslash in front of them, and octets
  // that do not print are three digits (\010), so two names are two texts. In
  // the order of the answer, which means nothing: resolvers turn it round.
  std::vector<std::string> records;
  // The shortest time to live, in seconds, of these records and of the aliases
  // that led to them. 0 without records, and where one has its highest bit set
  // (RFC 2181 8).
  uint32_t ttl = 0;

  // Reads the records of `type` in `message` that belong to the name of its
  // question, or to what this is an alias of (CNAME; RFC 2317 has them in
  // reverse zones): of class IN, at most 8 aliases deep. What belongs to other
  // names is no answer, and is passed over. Returns nullopt for what is no
  // message with one question, or ends too early, or has a record of the type
  // that is none.
  static std::optional<DnsAnswer> Parse(absl::string_view message, Type type);

  friend bool operator==(const DnsAnswer&, const DnsAnswer&) = default;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NAMES_DNS_ANSWER_H_
