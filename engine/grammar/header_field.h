// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Header fields that this server adds to a message, RFC 5322 2.2.

#ifndef POSTERN_ENGINE_GRAMMAR_HEADER_FIELD_H_
#define POSTERN_ENGINE_GRAMMAR_HEADER_FIELD_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern {

// The longest line of a header field, without its CRLF (RFC 5322 2.1.1).
inline constexpr size_t kMaxHeaderLine = 998;

// Returns whether `text` consists of one or more whole header fields, such as
// "X-Greylist: delayed 301 seconds\r\n". Each line ends in CRLF and has at most
// kMaxHeaderLine octets. A line that begins with a blank or a tab continues the
// field, and is not empty otherwise (RFC 5322 2.2.3). Octets beyond ASCII may
// be in the body of a field. So `text` cannot end the header section, and
// cannot contain a NUL or a bare CR or LF.
bool IsHeader(absl::string_view text);

// Returns the fields of `text`, for which IsHeader() is true, with their CRLFs.
// The views are valid as long as `text` is.
std::vector<absl::string_view> SplitHeader(absl::string_view text);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_HEADER_FIELD_H_
