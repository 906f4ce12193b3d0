// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Questions to DNS, as an interface: a check that asks DNS does not link a
// resolver. policy/names/resolver.h implements it.

#ifndef POSTERN_POLICY_NAMES_DNS_H_
#define POSTERN_POLICY_NAMES_DNS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "policy/names/dns_answer.h"

namespace postern::policy {

// The answer to one question.
struct DnsResult {
  enum class Status : uint8_t {
    kFound,      // `records` is not empty
    kNoRecords,  // the name exists, but it has no records of this type
    kNoName,     // NXDOMAIN: the name has no records of any type
    // No server answered, the answer was an error or invalid, or too many
    // questions are open: the records are not known now.
    kTemporary,
  };
  Status status = Status::kTemporary;
  std::vector<std::string> records;  // as in DnsAnswer::records
  // The time to live in seconds, as in DnsAnswer::ttl.
  uint32_t ttl = 0;

  friend bool operator==(const DnsResult&, const DnsResult&) = default;
};

// Thread-safety: any thread may call the methods at any time.
class Dns {
 public:
  using Done = absl::AnyInvocable<void(const DnsResult&) &&>;

  virtual ~Dns() = default;

  // Looks up the records of `type` and class IN of `name`, and calls `done`
  // once, possibly before this method returns, otherwise on another thread.
  // `done` must not block. A name that DNS cannot have, such as one with a
  // label of more than 63 octets, is kNoName.
  virtual void Lookup(absl::string_view name, DnsAnswer::Type type,
                      Done done) = 0;
};

// Returns the labels that stand for `address` before the name of a reverse zone
// or of a DNS list: "1.2.0.192." for 192.0.2.1 (RFC 1035 3.5, RFC 5782 2.1),
// and the 32 nibbles of an IPv6 address, each with a dot (RFC 3596 2.5, RFC
// 5782 2.4). An IPv4-mapped address counts as IPv4.
std::string ReversedLabels(const IpAddress& address);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NAMES_DNS_H_
