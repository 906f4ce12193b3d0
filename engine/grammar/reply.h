// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// SMTP replies, RFC 5321 4.2, and enhanced mail status codes, RFC 3463.
//
//   Reply refusal{550, {5, 1, 1}, "no such mailbox"};
//   FormatReply(refusal);  // "550 5.1.1 no such mailbox\r\n"

#ifndef POSTERN_ENGINE_GRAMMAR_REPLY_H_
#define POSTERN_ENGINE_GRAMMAR_REPLY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// An enhanced mail status code, RFC 3463 2. class_ == 0 means none, as in
// greetings and the replies to HELO and EHLO (RFC 2034 4).
struct EnhancedCode {
  uint8_t class_ = 0;    // the first number, 5 in 5.7.1: 2, 4 or 5
  uint16_t subject = 0;  // the second number, 7 in 5.7.1: 0 to 999
  uint16_t detail = 0;   // the third number, 1 in 5.7.1: 0 to 999

  friend bool operator==(const EnhancedCode&, const EnhancedCode&) = default;
};

// Parses "5.7.1": the classes 2, 4 and 5, numbers of at most three digits, no
// leading zeros (RFC 3463 2). Returns nullopt for anything else.
std::optional<EnhancedCode> ParseEnhancedCode(absl::string_view text);

// Writes a code whose numbers are below 1,000 as "5.7.1" to `to`, where
// kMaxEnhancedCode octets fit. Returns the end.
inline constexpr size_t kMaxEnhancedCode = 11;
char* WriteEnhancedCode(const EnhancedCode& code, char* to);

// One SMTP reply.
struct Reply {
  int code = 0;  // 200..599
  // Sent in front of the text, RFC 2034 3. {}: none.
  EnhancedCode enhanced;
  // '\n' separates the lines of a multi-line reply. FormatReply() adds the
  // code, the hyphens and the CRLFs.
  std::string text;

  // RFC 5321 4.2.1: 5yz.
  bool permanent() const { return code >= 500 && code < 600; }

  friend bool operator==(const Reply&, const Reply&) = default;
};

// Counts replies by the first digit of their codes: 2yz, 3yz, 4yz, 5yz. A
// multi-line reply counts as one.
using ReplyCounts = std::array<uint32_t, 4>;

// The longest line that FormatReply() makes, CRLF included: RFC 5321 4.5.3.1.5.
inline constexpr size_t kMaxReplyLine = 512;

// Appends `reply` to `out` in the form of the protocol, and allocates only what
// `out` needs to grow. The result is a well-formed reply whatever the text
// contains: bytes other than printable ASCII, HT and the separating '\n' become
// '?', each line is cut at kMaxReplyLine, and an enhanced code that contradicts
// the code (RFC 2034 4) is left out. ReplyReader
// (engine/grammar/reply_reader.h) parses the result.
void AppendReply(const Reply& reply, std::string* out);

// Returns what AppendReply() appends.
std::string FormatReply(const Reply& reply);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_REPLY_H_
