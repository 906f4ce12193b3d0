// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The terms of an SPF record: RFC 7208 4.5, 4.6, 5, 6 and 12.

#ifndef POSTERN_POLICY_SPF_SPF_TERM_H_
#define POSTERN_POLICY_SPF_SPF_TERM_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {

struct SpfTerm {
  enum class Kind : uint8_t {
    kAll,
    kInclude,
    kA,
    kMx,
    kPtr,
    kIp4,
    kIp6,
    kExists,
    kRedirect,  // from here on modifiers
    kExp,
    kUnknownModifier,  // to be ignored
  };

  Kind kind = Kind::kAll;
  char qualifier = '+';    // of a mechanism: + - ? ~
  absl::string_view text;  // the whole term
  // A domain-spec: see IsSpfDomainSpec(). Empty: the current domain.
  absl::string_view domain;
  // The length of the prefix of an address that must match.
  int v4_bits = 32;
  int v6_bits = 128;
  std::optional<IpAddress> address;  // of kIp4 and kIp6

  // Parses one term. Returns nullopt if it is invalid. The result refers to
  // `text`.
  static std::optional<SpfTerm> Parse(absl::string_view text);
};

// The longest record that is evaluated. RFC 7208 3.4 recommends that the answer
// fits into 512 octets.
inline constexpr size_t kMaxSpfRecord = 8192;

// Returns whether `text` is a record of this version, by its beginning alone.
bool IsSpfRecord(absl::string_view text);

// The position in a record. Reads one term after the other, so that a record
// of many terms needs no memory for them.
class SpfTerms {
 public:
  // `record` must outlive the object. IsSpfRecord(record) is true.
  explicit SpfTerms(absl::string_view record);

  // Returns the text of the next term. Returns an empty text at the end.
  absl::string_view Next();

 private:
  absl::string_view left_;
};

// Returns the first term of `record` that is invalid, or that repeats redirect
// or exp (RFC 7208 6). Returns nullopt if the record is valid.
std::optional<absl::string_view> FindSpfMistake(absl::string_view record);

// Returns the first term of this kind, or nullopt.
std::optional<SpfTerm> FindSpfTerm(absl::string_view record,
                                   SpfTerm::Kind kind);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SPF_SPF_TERM_H_
