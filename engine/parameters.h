// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// ESMTP parameters of MAIL and RCPT, RFC 5321 4.1.2, parsed and typed.

#ifndef POSTERN_ENGINE_PARAMETERS_H_
#define POSTERN_ENGINE_PARAMETERS_H_

#include <cstdint>
#include <optional>
#include <variant>

#include "absl/strings/string_view.h"
#include "engine/reply.h"

namespace postern {

// BODY=, RFC 6152 3.
enum class BodyType : uint8_t { k7Bit, k8BitMime };

struct MailParameters {
  // SIZE=, RFC 1870 3: octets, CRLF counted as two. A number past 2^64-1 is
  // held as 2^64-1.
  std::optional<uint64_t> size;
  std::optional<BodyType> body;

  friend bool operator==(const MailParameters&,
                         const MailParameters&) = default;
};

// Parses what stands behind the reverse-path: "" or " KEYWORD[=value]...".
// On a mistake the Reply to send: 501 5.5.4 for bad syntax, a bad value or a
// parameter given twice, 555 5.5.4 for one that is not known (RFC 5321
// 4.1.1.11).
std::variant<MailParameters, Reply> ParseMailParameters(absl::string_view text);

// The same for RCPT, which has no parameters of its own yet: returns the Reply
// to send, or nullopt where there is nothing but white space.
std::optional<Reply> CheckRcptParameters(absl::string_view text);

}  // namespace postern

#endif  // POSTERN_ENGINE_PARAMETERS_H_
