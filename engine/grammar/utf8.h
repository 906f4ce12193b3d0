// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// UTF-8, RFC 3629, as far as addresses need it: RFC 6531.

#ifndef POSTERN_ENGINE_GRAMMAR_UTF8_H_
#define POSTERN_ENGINE_GRAMMAR_UTF8_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace postern {

// Whether text may hold UTF-8 beyond ASCII, as in a transaction whose MAIL had
// SMTPUTF8 (RFC 6531 3.4).
enum class Utf8 : uint8_t { kNo, kYes };

// Returns whether all octets are below 0x80.
bool IsAscii(absl::string_view text);

// Returns whether all octets are printable ASCII, blanks among them.
bool IsPrintableAscii(absl::string_view text);

// Returns whether `text` is UTF-8 by RFC 3629 4: no overlong forms, no
// surrogates, nothing past U+10FFFF, nothing cut short. Empty text is.
bool IsUtf8(absl::string_view text);

// Returns whether `text` holds the octets of one of the control characters
// U+0080 to U+009F: no part of a name, and to a terminal an escape sequence.
// The rest of it need not be UTF-8: what shows it may skip what is not.
bool HoldsC1(absl::string_view text);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_UTF8_H_
