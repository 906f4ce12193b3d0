// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// UTF-8, RFC 3629, as addresses need it: RFC 6531.

#ifndef POSTERN_ENGINE_GRAMMAR_UTF8_H_
#define POSTERN_ENGINE_GRAMMAR_UTF8_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace postern {

// Whether text may contain UTF-8 beyond ASCII, as in a transaction whose MAIL
// had SMTPUTF8 (RFC 6531 3.4).
enum class Utf8 : uint8_t { kNo, kYes };

// Returns whether all octets are below 0x80.
bool IsAscii(absl::string_view text);

// Returns whether all octets are printable ASCII or spaces.
bool IsPrintableAscii(absl::string_view text);

// Returns whether `text` is UTF-8 by RFC 3629 4: no overlong forms, no
// surrogates, nothing beyond U+10FFFF, no incomplete sequence. Empty text is
// UTF-8.
bool IsUtf8(absl::string_view text);

// Returns whether `text` contains the octets of one of the control characters
// U+0080 to U+009F, which are no part of a name and which terminals treat as
// escape sequences. The rest need not be valid UTF-8, because a terminal may
// skip what is not.
bool ContainsC1Controls(absl::string_view text);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_UTF8_H_
