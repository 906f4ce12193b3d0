// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// SASLprep, RFC 4013: names and passwords that look the same are the same.

#ifndef POSTERN_AUTH_SASLPREP_H_
#define POSTERN_AUTH_SASLPREP_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace postern::auth {

// Returns `text`, a name or a password, as it is compared and hashed: as a
// "stored string", RFC 3454 7. Printable ASCII is itself. Returns nullopt for
// what is no UTF-8, holds a NUL, a control character or another of those that
// RFC 4013 2.3 to 2.5 prohibit (a code point that Unicode 3.2 does not assign,
// among them, as RFC 5802 2.2 has it), or has nothing left.
std::optional<std::string> SaslPrep(absl::string_view text);

// Returns `text`, which SaslPrep() has returned, with the case of letters
// folded (RFC 3454 B.2): two names that differ in case alone become one.
std::string FoldCase(absl::string_view text);

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASLPREP_H_
