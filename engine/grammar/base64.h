// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Base64 as SASL uses it: RFC 4954 4, RFC 4648 4.

#ifndef POSTERN_ENGINE_GRAMMAR_BASE64_H_
#define POSTERN_ENGINE_GRAMMAR_BASE64_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// RFC 4954 4: the longest challenge or response of AUTH in base64.
inline constexpr size_t kMaxAuthBase64 = 12288;

// Returns the bytes that `text` encodes, or nullopt if EncodeBase64() would not
// produce `text`: other characters, white space, missing or misplaced padding,
// non-zero bits after the last byte. So two different texts never decode to the
// same bytes. No copy of the bytes is left in memory except the result.
std::optional<std::string> DecodeBase64(absl::string_view text);

// Returns `bytes` in base64 with padding.
std::string EncodeBase64(absl::string_view bytes);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_BASE64_H_
