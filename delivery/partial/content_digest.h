// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Recognizes the content of a message that a client sends again.

#ifndef POSTERN_DELIVERY_PARTIAL_CONTENT_DIGEST_H_
#define POSTERN_DELIVERY_PARTIAL_CONTENT_DIGEST_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::delivery {

// The SHA-256 (FIPS 180-4) of a message without the header fields that a client
// may change at each attempt: Received (RFC 5321 4.4), DKIM-Signature (RFC
// 6376 3.5) and the ARC fields (RFC 8617 4.1), which contain times. All other
// octets count, so two messages with a Date or a Message-ID are equal only if
// the sender's program made them equal. Without these fields, two messages may
// be equal that a program made one after the other: see identified().
//
// Costs O(octets). Memory: constant. Aborts the process if OpenSSL fails, which
// happens if memory is exhausted: another result could be taken for an equal
// message.
class ContentDigest {
 public:
  static constexpr size_t kSize = 32;

  ContentDigest();
  ~ContentDigest();
  ContentDigest(const ContentDigest&) = delete;
  ContentDigest& operator=(const ContentDigest&) = delete;

  // Appends content with CRLF as line ends. A piece may end anywhere.
  void Append(absl::string_view octets);

  // Returns the digest, of kSize octets. Call it once, at the end.
  std::string Finish();

  // Returns whether the header section, as far as it was appended, has a Date
  // or a Message-ID (RFC 5322 3.6), which differ between two messages.
  bool identified() const { return identified_; }

  // Returns the names of the header fields that do not count.
  static absl::Span<const absl::string_view> IgnoredFields();

 private:
  enum class State : uint8_t {
    kName,  // at the beginning of a line of the header section, or in a name
    kCounts,
    kIgnored,
    kBody,
  };

  void Count(absl::string_view octets);
  // The name of a field is complete, or cannot be one.
  void EndName(State state);

  struct Context;
  const std::unique_ptr<Context> context_;
  State state_ = State::kName;
  State before_ = State::kCounts;  // of the field before this line
  std::string name_;               // not counted yet
  bool identified_ = false;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_PARTIAL_CONTENT_DIGEST_H_
