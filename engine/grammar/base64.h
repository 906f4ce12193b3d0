// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Base64 as SASL has it: RFC 4954 4, RFC 4648 4.

#ifndef POSTERN_ENGINE_GRAMMAR_BASE64_H_
#define POSTERN_ENGINE_GRAMMAR_BASE64_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// Returns the bytes that `text` stands for, or nullopt if it is not what
// EncodeBase64() makes of any: other characters, white space, padding that is
// missing or not at the end, bits behind the last byte. Two texts never mean
// the same bytes. Nothing but the result keeps them.
std::optional<std::string> DecodeBase64(absl::string_view text);

// Returns `bytes` in base64, padded.
std::string EncodeBase64(absl::string_view bytes);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_BASE64_H_
